"""Sample values of the checked formats, and what their tokens must look like.

Written from the standards and the contract, not from the product's sources: ISO/IEC 7812-1 (Luhn),
ISO 13616 (mod 97), GB 11643 with ISO 7064 (mod 11-2).
"""

import datetime
import random
import string

RNG = random.SystemRandom()
CARD = "4111111111111111"  # published test numbers
CARD_SPACED = "4111 1111 1111 1111"
IBAN = "GB82WEST12345698765432"


def luhn_ok(digits):
    total = 0
    for i, c in enumerate(reversed(digits)):
        n = int(c) * (2 if i % 2 else 1)
        total += n - 9 if n > 9 else n
    return total % 10 == 0


def luhn_digit(body):
    return next(c for c in string.digits if luhn_ok(body + c))


def pan(length=16, prefix=None, rng=RNG):
    """A random valid card number of a card scheme's range."""
    body = prefix or rng.choice(["4", "51", "52", "53", "54", "55"])
    body += "".join(rng.choice(string.digits) for _ in range(length - 1 - len(body)))
    return body + luhn_digit(body)


def pan_beside(value, rng=RNG):
    """Another card with the same first six and last four digits, as long."""
    while True:
        middle = "".join(rng.choice(string.digits) for _ in range(len(value) - 10))
        other = value[:6] + middle + value[-4:]
        if other != value and luhn_ok(other):
            return other


def other_check_digit(value):
    """The same digits with a check digit that is wrong."""
    return value[:-1] + str((int(value[-1]) + 1 + RNG.randrange(9)) % 10)


def cn_id_check(body):
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    return "10X98765432"[sum(int(c) * w for c, w in zip(body, weights)) % 11]


def cn_id_ok(value):
    if len(value) != 18 or not value[:17].isdigit() or not value.isascii():
        return False
    try:
        datetime.date(int(value[6:10]), int(value[10:12]), int(value[12:14]))
    except ValueError:
        return False
    return cn_id_check(value[:17]) == value[17]


def cn_id(check=None):
    """A random valid resident ID; check: wanted check character."""
    while True:
        day = datetime.date(1950, 1, 1) + datetime.timedelta(days=RNG.randrange(20000))
        area = RNG.choice(["110105", "310104", "440305", "510107"])
        body = area + day.strftime("%Y%m%d") + "%03d" % RNG.randrange(1, 999)
        if check is None or cn_id_check(body) == check:
            return body + cn_id_check(body)


def iban_remainder(value):
    moved = value[4:] + value[:4]
    return int("".join(str(int(c, 36)) for c in moved)) % 97


def iban(country=None):
    """A random valid IBAN of a country whose structure the ISO 13616 registry gives."""
    country = country or RNG.choice(["DE", "GB", "NL", "AT"])
    digits, letters = string.digits, string.ascii_uppercase
    layout = {"DE": [digits] * 18, "GB": [letters] * 4 + [digits] * 14,
              "NL": [letters] * 4 + [digits] * 10, "AT": [digits] * 16}[country]
    body = "".join(RNG.choice(a) for a in layout)
    check = 98 - iban_remainder(country + "00" + body)
    return "%s%02d%s" % (country, check, body)


def is_pan_token(token, value=None, keep=(6, 4)):
    good = token.isascii() and token.isdigit() and 13 <= len(token) <= 19 and not luhn_ok(token)
    if value is not None:
        good = good and len(token) == len(value) and token[:keep[0]] == value[:keep[0]]
        good = good and token[-keep[1]:] == value[-keep[1]:]
    return good


def is_cn_id_token(token):
    return (token.isascii() and len(token) == 18 and token[:17].isdigit()
            and token[17] in "0123456789X" and cn_id_check(token[:17]) != token[17])


def is_iban_token(token, value):
    same_kinds = all(a.isdigit() == b.isdigit() and a.isupper() == b.isupper()
                     for a, b in zip(token[4:], value[4:]))
    return (len(token) == len(value) and token[:2] == value[:2] and same_kinds
            and token[2:4] in ("00", "01", "99") and iban_remainder(token) != 1)


FULL_WIDTH = str.maketrans(string.digits, "０１２３４５６７８９")


def spaced(value, every=4, by=" "):
    return by.join(value[i:i + every] for i in range(0, len(value), every))
