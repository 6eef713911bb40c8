# SPDX-License-Identifier: GPL-2.0-or-later
"""protobuf.py - messages field by field, by their numbers in a published .proto."""


def _varint(n):
    out = b""
    while n > 0x7f:
        out += bytes([n & 0x7f | 0x80])
        n >>= 7
    return out + bytes([n])


def message(fields):
    """{number: value or list of values} as protobuf. A value is a number, text or
    bytes; a dict is a message, or with text for keys a map."""
    out = b""
    for number, values in fields.items():
        for value in values if isinstance(values, list) else [values]:
            if isinstance(value, dict) and any(isinstance(k, str) for k in value):
                out += message({number: [{1: k, 2: v} for k, v in value.items()]})
            elif isinstance(value, int):
                out += _varint(number << 3) + _varint(value)
            else:
                body = (message(value) if isinstance(value, dict) else
                        value if isinstance(value, bytes) else value.encode())
                out += _varint(number << 3 | 2) + _varint(len(body)) + body
    return out


def first_text(answer):
    """Field 1 of an answer: an id."""
    if not answer or answer[0] != 0x0a:
        raise ValueError(f"no id in {answer!r}")
    return answer[2:2 + answer[1]].decode()
