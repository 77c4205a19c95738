/*
 * format_order.h - characters, the members of a set and the dates of a calendar by number. Private
 * to vault/format/.
 *
 * Layer:   vault/format/. Includes format_part.h.
 * Threads: pure functions over constant definitions.
 *
 * What is at a place is SECRET, and a valid original's: of its alphabet, in its set, a date.
 */
#ifndef HUFU_FORMAT_FORMAT_ORDER_H
#define HUFU_FORMAT_FORMAT_ORDER_H

#include <stdint.h>

#include "vault/format/format_part.h"

/* The number of a character of an alphabet. */
uint32_t format_order_symbol(struct format_symbols symbols, uint8_t c);

/* How many numbers a list has; the how-manieth of them stands there; and to write that one. */
uint32_t format_order_values(const struct format_values *values);
uint32_t format_order_value(const struct format_values *values, const uint8_t *at);
void format_order_value_put(const struct format_values *values, uint32_t n, uint8_t *at);

/* The same for the dates of a part. */
uint32_t format_order_dates(const struct format_part *p);
uint32_t format_order_date(const struct format_part *p, const uint8_t *at);
void format_order_date_put(const struct format_part *p, uint32_t n, uint8_t *at);

#endif
