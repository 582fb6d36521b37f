"""Hostile texts: what makes patterns run away, each as long as it is asked to be.

Every one repeats what some pattern begins with and never lets it end.
"""

from __future__ import annotations

import random
import string
from collections.abc import Callable, Mapping

__all__ = ["ADVERSARIAL"]


def _repeated(piece: str, head: str = "", tail: str = "") -> Callable[[int], str]:
    def make(size: int) -> str:
        return (head + piece * (size // len(piece) + 1))[: size - len(tail)] + tail

    return make


def _random(among: str) -> Callable[[int], str]:
    """Draw characters, always the same: what no automaton has met before."""
    return lambda size: "".join(random.Random(size).choices(among, k=size))


ADVERSARIAL: Mapping[str, Callable[[int], str]] = {
    "a.": _repeated("a."),
    "a@": _repeated("a@"),
    "a@a.": _repeated("a@a."),
    "one word": _repeated("a"),
    "digits": _repeated("1"),
    "digits spaced": _repeated("1 "),
    "digits dashed": _repeated("12-"),
    "zeros dotted": _repeated("0."),
    "plus signs": _repeated("+1 "),
    "parentheses": _repeated("(0)"),
    "colons": _repeated("a:"),
    "hex pairs": _repeated("0a:"),
    "capitals": _repeated("A1"),
    "iban heads": _repeated("DE89 "),
    "base 64": _repeated("QUJD"),
    "base 64 dots": _repeated("eyJhbGciOi."),
    "jwt heads": _repeated("eyJhbGciOiJIUzI1NiJ9"),
    "pem heads": _repeated("-----BEGIN PRIVATE KEY-----"),
    "pem dashes": _repeated("-", head="-----BEGIN RSA PRIVATE KEY-----"),
    "password words": _repeated("password "),
    "password signs": _repeated("password: "),
    "password quotes": _repeated('password="'),
    "pass is": _repeated("pass is is "),
    "secret_": _repeated("secret_"),
    "token names": _repeated("a_b-c.token"),
    "bearer": _repeated("bearer "),
    "authorization": _repeated("authorization: basic "),
    "sk-": _repeated("sk-"),
    "urls": _repeated("http://a:"),
    "slashes": _repeated("://"),
    "query": _repeated("&sig=a"),
    "at words": _repeated("a at a dot "),
    "brackets at": _repeated("a[at]"),
    "born": _repeated("born "),
    "born commas": _repeated("date of birth, "),
    "passport": _repeated("passport no "),
    "plates": _repeated("plate AB "),
    "percent": _repeated("%41"),
    "percent of percent": _repeated("%25"),
    "backslashes": _repeated("\\"),
    "unicode escapes": _repeated("\\u0061"),
    "entities": _repeated("&#97;"),
    "quotes": _repeated('"'),
    "open arrays": _repeated("["),
    "deep arrays": lambda size: "[" * (size // 2) + "]" * (size // 2),
    "deep strings": _repeated('{"a":"'),
    "bars": _repeated("a|b\n"),
    "commas": _repeated("a,b\n", head="password,ssn\n"),
    "tabs": _repeated("a\tb\t"),
    "newlines": _repeated("\n"),
    "spaces": _repeated(" "),
    "accents": _repeated("e\u0301"),
    "marks": _repeated("\u0301", head="e"),
    "zero width": _repeated("a\u200b"),
    "full width": _repeated("\uff11"),
    "cyrillic": _repeated("аbс1"),
    "emoji": _repeated("\U0001f600"),
    "surrogates": _repeated("\ud800"),
    "nulls": _repeated("\0"),
    "coordinates": _repeated("12.3456, "),
    "degrees": _repeated("12°34'"),
    "ages": _repeated("I am 4"),
    "curl": _repeated("curl -u a "),
    "mysql": _repeated("mysql -"),
    "mysql words": _repeated("mysql a "),
    "option": _repeated("--a-"),
    "option pass": _repeated("--pass"),
    "sshpass": _repeated("sshpass -p "),
    "xoxb": _repeated("xoxb-1-"),
    "cookies": _repeated("session=a;"),
    "users": _repeated("https://a/users/"),
    "ssh": _repeated("ssh -a b "),
    "homes": _repeated("/home/a"),
    "windows": _repeated("C:\\Users\\"),
    "mail values": _repeated("ada@lovelace.example "),
    "cards": _repeated("4111 1111 1111 1111 "),
    "phones": _repeated("+14155552671 "),
    "phones endless": _repeated("1" * 42 + "a +"),
    "password gaps": _repeated("password a.b@c-d "),
    "password is nothing": _repeated("password is is (a) (b) "),
    "passwords by name": _repeated("a password b ", tail=": x"),
    "credentials": _repeated("login a / "),
    "code to": _repeated("code 1234 to "),
    "secret phrase": _repeated("seed phrase is "),
    "seed words": _repeated("abcd ", head="seed phrase: "),
    # Bombs for engines that backtrack: nested repetitions, alternatives that begin alike.
    "aaaa!": lambda size: "a" * (size - 1) + "!",
    "nested quotes": _repeated("\"'`", head="password is "),
    "alike beginnings": _repeated("sk_live_sk_test_", tail="!"),
    "x at the end": _repeated("A" * 40 + "1" * 40, tail="\x00"),
    "pin words": _repeated("the pin of my card that is not "),
    "pin questions": _repeated("passcode? a b c "),
    "codes of doors": _repeated("code for the front door of the "),
    "logins": _repeated("log in with a1b2c3d "),
    "logins without end": _repeated("user " + "a1" * 15 + "( "),
    "customers": _repeated("customer number "),
    "numbers of customers": _repeated("numéro de client n° "),
    "offices and digits": _repeated("account 1 2 3 4 "),
    "key shapes": _repeated("0a1b2c3d-"),
    "doppler": _repeated("dp.st.a-b_c."),
    "licence keys": _repeated("license key ABCD1-"),
    "base 64 endings": _repeated("abCD12+/" * 10 + "=="),
    "random letters and digits": _random(string.ascii_letters + string.digits),
    "random characters": _random(string.printable),
    "random digits": _random("0123456789 -.:/"),
    "random hexadecimal": _random("0123456789abcdef: -"),
    "alike values": lambda size: " ".join(f"aaaaa{i}@b.example" for i in range(size // 20)),
}
