"""Numbers as JavaScript writes and reads them (ECMA-262, 6.1.6.1.20, 7.1.4.1, 19.2.4, 19.2.5 and 21.1.3)."""

import math
import re
from decimal import ROUND_HALF_UP, Context, Decimal

from graph.errors import RenderError

WHITESPACE = "\t\n\v\f\r \xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000\ufeff"
NAN = float("nan")
INFINITY = float("inf")

_DECIMAL = re.compile(r"[+-]?(?:Infinity|(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)")
_PREFIXED = re.compile(r"0(?:[xX][0-9a-fA-F]+|[oO][0-7]+|[bB][01]+)")
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_EXACT = Context(prec=1200, rounding=ROUND_HALF_UP)


def written(value: float) -> str:
    """The number as `String(value)` has it."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    if value == 0:
        return "0"
    sign, digits, exponent = Decimal(repr(value)).as_tuple()
    text = "".join(map(str, digits)).rstrip("0")
    point = len(digits) + int(exponent)
    return ("-" if sign else "") + _placed(text, point)


def _placed(digits: str, point: int) -> str:
    """The digits with the decimal point after the first `point` of them, or with an exponent where that is far away."""
    if len(digits) <= point <= 21:
        return digits.ljust(point, "0")
    if 0 < point <= 21:
        return f"{digits[:point]}.{digits[point:]}"
    if -6 < point <= 0:
        return f"0.{'0' * -point}{digits}"
    return _scientific(digits, point - 1)


def _scientific(digits: str, exponent: int) -> str:
    mantissa = digits if len(digits) == 1 else f"{digits[0]}.{digits[1:]}"
    return f"{mantissa}e{'+' if exponent >= 0 else '-'}{abs(exponent)}"


def read(text: str) -> float:
    """The number that `Number(text)` is; NaN for anything else."""
    text = text.strip(WHITESPACE)
    if not text:
        return 0.0
    if _DECIMAL.fullmatch(text):
        return _decimal(text)
    return _integer(text[2:], {"x": 16, "o": 8, "b": 2}[text[1].lower()]) if _PREFIXED.fullmatch(text) else NAN


def parse_float(text: str) -> float:
    """The number that the text begins with, as `parseFloat` reads it; NaN if it begins with none."""
    found = _DECIMAL.match(text.lstrip(WHITESPACE))
    return _decimal(found[0]) if found else NAN


def parse_int(text: str, base: float) -> float:
    """The integer that the text begins with, as `parseInt` reads it; NaN if it begins with none or the base is none."""
    text = text.lstrip(WHITESPACE)
    negative = text.startswith("-")
    text = text[1:] if text[:1] in {"+", "-"} else text
    radix = int(base) if math.isfinite(base) else 0
    if radix in {0, 16} and text[:2].lower() == "0x":
        text, radix = text[2:], 16
    radix = radix or 10
    if not 2 <= radix <= 36:
        return NAN
    allowed = _DIGITS[:radix]
    digits = text[: len(text) - len(text.lstrip(allowed + allowed.upper()))]
    if not digits:
        return NAN
    value = float(digits) if radix == 10 else _integer(digits, radix)
    return -value if negative else value


def _decimal(text: str) -> float:
    return float(text.replace("Infinity", "inf"))


def _integer(digits: str, radix: int) -> float:
    digits = digits.lstrip("0")
    if len(digits) > 1100:
        return INFINITY
    try:
        return float(int(digits or "0", radix))
    except OverflowError:
        return INFINITY


def to_fixed(value: float, digits: float) -> str:
    """`value.toFixed(digits)`. RenderError for a number of digits that it does not have."""
    places = _whole(digits, 0, 100, "toFixed")
    if not math.isfinite(value) or abs(value) >= 1e21:
        return written(value)
    fixed = f"{Decimal(abs(value)).quantize(Decimal(1).scaleb(-places), context=_EXACT):f}"
    return f"-{fixed}" if value < 0 else fixed


def to_exponential(value: float, digits: float | None) -> str:
    """`value.toExponential(digits)`. RenderError for a number of digits that it does not have."""
    places = None if digits is None else _whole(digits, 0, 100, "toExponential")
    if not math.isfinite(value):
        return written(value)
    if places is None:
        places = len("".join(map(str, Decimal(repr(abs(value))).as_tuple().digits)).rstrip("0") or "0") - 1
    text, exponent = _rounded(abs(value), places + 1)
    return ("-" if value < 0 else "") + _scientific(text, exponent)


def to_precision(value: float, digits: float | None) -> str:
    """`value.toPrecision(digits)`. RenderError for a number of digits that it does not have."""
    if digits is None:
        return written(value)
    if not math.isfinite(value):
        return written(value)
    precision = _whole(digits, 1, 100, "toPrecision")
    text, exponent = _rounded(abs(value), precision)
    sign = "-" if value < 0 else ""
    if exponent < -6 or exponent >= precision:
        return sign + _scientific(text, exponent)
    if exponent == precision - 1:
        return sign + text
    return sign + (f"{text[: exponent + 1]}.{text[exponent + 1 :]}" if exponent >= 0 else f"0.{'0' * -(exponent + 1)}{text}")


def to_radix(value: float, radix: float) -> str:
    """`value.toString(radix)`. RenderError for a radix that there is none of, and for a fraction in any radix but ten."""
    base = _whole(radix, 2, 36, "toString")
    if base == 10 or not math.isfinite(value):
        return written(value)
    if not value.is_integer():
        raise RenderError("toString can write fractions with the radix 10 alone.")
    rest, digits = abs(int(value)), ""
    while rest:
        rest, digit = divmod(rest, base)
        digits = _DIGITS[digit] + digits
    return ("-" if value < 0 else "") + (digits or "0")


def _rounded(value: float, precision: int) -> tuple[str, int]:
    """The digits of the value, that many, and the exponent of the first of them."""
    if value == 0:
        return "0" * precision, 0
    exact = Context(prec=precision, rounding=ROUND_HALF_UP).plus(Decimal(value))
    text = "".join(map(str, exact.as_tuple().digits)).ljust(precision, "0")
    return text[:precision], exact.adjusted()


def _whole(value: float, least: int, most: int, name: str) -> int:
    whole = 0 if math.isnan(value) else value
    if math.isinf(whole) or not least <= math.trunc(whole) <= most:
        raise RenderError(f"{name} takes a number from {least} to {most}.")
    return math.trunc(whole)


def rounded(value: float) -> float:
    """`Math.round(value)`: halves go up."""
    if not math.isfinite(value):
        return value
    below = float(math.floor(value))
    return below + 1 if value - below >= 0.5 else below


def remainder(left: float, right: float) -> float:
    """`left % right`."""
    return NAN if right == 0 or math.isinf(left) or math.isnan(left) or math.isnan(right) else math.fmod(left, right)


def divided(left: float, right: float) -> float:
    """`left / right`."""
    if right != 0:
        return left / right
    if left == 0 or math.isnan(left) or math.isnan(right):
        return NAN
    return math.copysign(INFINITY, left) * math.copysign(1.0, right)


def power(left: float, right: float) -> float:
    """`left ** right`."""
    if math.isnan(right) or (abs(left) == 1 and math.isinf(right)):
        return NAN
    try:
        return math.pow(left, right)
    except OverflowError:
        return -INFINITY if left < 0 and right % 2 == 1 else INFINITY
    except ValueError:
        return math.copysign(INFINITY, left) if left == 0 and right % 2 == 1 else INFINITY if left == 0 else NAN


def floored(value: float) -> float:
    """`Math.floor(value)`."""
    return float(math.floor(value)) if math.isfinite(value) else value
