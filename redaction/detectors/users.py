"""Users: names of accounts, in paths, URLs and command lines, and where a word announces them."""

from __future__ import annotations

import re

from redaction.detectors.recogniser import ShapeRecogniser

__all__ = ["USERS"]

# Accounts that every machine has, and pages that every site has, name nobody.
_NOBODY = frozenset(
    """
    root admin administrator user users guest public default shared all me self login logout new
    list search settings register signup signin profile account accounts ubuntu debian ec2-user
    centos runner app www www-data nobody daemon git node jenkins postgres mysql redis nginx
    deploy vagrant pi oracle system localhost test demo example username name id null none
    anonymous opc azureuser developer dev build ci bin lib tmp home data password token key is
    was the not and or for with to into from again failed invalid unknown page form screen error
    button details data link
    """.split()  # noqa: SIM905 - a list of words is read best as words
)


def _somebody(value: str) -> bool:
    plain = value.strip("\n\r\t").lower()
    return (
        plain not in _NOBODY
        and any(c.isalpha() for c in plain)
        and not plain.startswith(("$", "{", "<"))
    )


def _chosen(value: str) -> bool:
    """Believe a word behind `login` only when it does not look like a word."""
    return _somebody(value) and any(c.isdigit() or c in "._-@" for c in value[1:])


def _user(name: str, pattern: str, flags: int = 0, telling: str | None = None) -> ShapeRecogniser:
    compiled = re.compile(pattern, flags)
    return ShapeRecogniser(name, "USERNAME", compiled, 0.6, _somebody, telling=telling)


USERS = (
    _user("home", r"(?<![\w.])/(?:home|Users|var/home"
                  r"|export/home)/(?P<value>[A-Za-z][\w.\-]{1,31})(?![\w.\-]*\()"),
    # Behind a backslash `n`, `r` and `t` may have been read as an escape.
    _user("windows_home",
          r"[A-Za-z]:(?:\\{1,2}|/)(?:Users|Documents and Settings)(?:\\{1,2}|/|(?=[\n\r\t]))"
          r"(?P<value>[\n\r\t]?[A-Za-z][\w.\-]{0,31})"),
    _user("page",
          r"https?://[^\s/\"'<>]{1,100}(?:/[\w.\-]{1,30}){0,3}/(?:(?:users?|u|profiles?|members?"
          r"|people)/|[@~])"
          r"(?P<value>[A-Za-z][\w.\-]{2,38})(?![\w.\-]*[({])"),
    _user("social",
          r"https?://(?:www\.|m\.)?(?:github|gitlab|twitter|x|instagram|facebook|linkedin|tiktok"
          r"|t)\."
          r"(?:com|me)/(?:in/|@)(?P<value>[\w.\-]{3,38})"),
    _user("remote", r"(?:\bssh|\bscp|\brsync|\bsftp)\b(?: -\w(?: [\w./~\-]{1,60})?){0,4} "
                    r"(?P<value>[a-z_][\w.\-]{1,31})@(?=[\w.\-]{2,})"),
    _user("at_host", r"(?<![\w.@/\-+])(?P<value>[a-z_][\w.\-]{1,31})@(?=(?:\d{1,3}\.){3}\d{1,3}"
                     r"(?!\d))",
          telling=r"@[0-9]{1,3}\."),
    _user("userinfo", r"\b[a-z][a-z0-9+.\-]{1,20}://"
                      r"(?P<value>[A-Za-z][\w.\-%]{1,63}):[^\s/@\"'<>]{1,200}@", telling="://"),
    _user("sshd", r"\b(?:for|user|authenticated as|as user)(?: invalid user)? "
                  r"(?P<value>[a-z][\w.\-]{1,31})(?= from (?:\d{1,3}\.|[0-9a-f]{1,4}:|[\w\-]+\.))"),
    _user("field", r"(?<![\w\-])(?:user|username|user_?name|user_?id|login|uid|usr|account"
                   r"|logon)=[\"']?"
                   r"(?P<value>[A-Za-z][\w.\-]{2,40})(?![\w.\-]*[(@:])(?=[\s\"',;&)\]]|$)",
                   re.IGNORECASE),
    ShapeRecogniser(
        "user_said", "USERNAME",
        re.compile(
            r"(?<![\w.\-])(?:user ?name|user-?id|login|benutzername|benutzer|identifiant"
            r"|nom d'utilisateur"
            r"|usuario|utente|nome utente|utilizador|usuário|gebruikersnaam|nazwa użytkownika"
            r"|użytkownik"
            r"|authenticated as|logged in as|signed in as)(?:\s?[:=]\s?| (?:is|ist|lautet|est|es"
            r"|è|é|to) | )"
            r"[\"'`]?(?P<value>[a-z][\w\-]*(?:\.[\w\-]+)*)(?![\w.]*[(\[=])",
            re.IGNORECASE,
        ),
        0.55, _chosen,
    ),
)  # fmt: skip
