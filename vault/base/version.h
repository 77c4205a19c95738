/*
 * version.h - the version of what is built; the Makefile may give another.
 *
 * Layer:   vault/base/.
 * Threads: a constant.
 */
#ifndef HUFU_BASE_VERSION_H
#define HUFU_BASE_VERSION_H

#ifndef HUFU_VERSION
#define HUFU_VERSION "0.1.0"
#endif

#endif
