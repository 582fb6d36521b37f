"""The secrets detector, as a table: what is found, and what must be left alone."""

from __future__ import annotations

import functools

import pytest

from redaction.detectors.secrets import SecretDetector
from redaction.finding import Passage

JWT = (
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0"
    ".dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U"
)
PEM = (
    "-----BEGIN RSA PRIVATE KEY-----\n"
    "MIIBOgIBAAJBAKj34GkxFhD90vcNLYLInFEX6Ppy1tPf9Cnzj4p4WGeKLs1Pt8Q\n"
    "-----END RSA PRIVATE KEY-----"
)
LOCKED_PEM = PEM.replace("KEY-----\n", "KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: A-1,0F\n\n", 1)
DRAWN = "aB3dE5gH"

FOUND = [
    ("API_KEY", "sk-proj-Ab3dEf6hIj9kLmN0pQrStUvWx", "key {} ok"),
    ("API_KEY", "sk-ant-api03-Zx9Yw8Vu7Ts6Rq5Po4Nm3Lk2", "ANTHROPIC={}"),
    ("API_KEY", "AKIAIOSFODNN7EXAMPLE", "id {}"),
    ("API_KEY", "AIzaSyD4k9Lm2Nq8Rt5Vw1Xy7Za3Bc6Ef0Gh9Ij", "g {}"),
    ("ACCESS_TOKEN", "ghp_16C7e42F292c6912E7710c838347Ae178B4a", "{}"),
    ("ACCESS_TOKEN", "github_pat_11ABCDEFG0aBcDeFgHiJkL_mNoPqRsTuVwXyZ012345", "{}"),
    ("ACCESS_TOKEN", "xoxb-2345678901-2345678901234-AbCdEfGhIjKl", "slack {}"),
    ("API_KEY", "sk_live_4eC39HqLyjWDarjtT1zdp7dc", "{}"),
    ("ACCESS_TOKEN", JWT, "token {}!"),
    ("PRIVATE_KEY", PEM, "here:\n{}\nbye"),
    ("PRIVATE_KEY", LOCKED_PEM, "here:\n{}\nbye"),
    ("API_KEY", "sk-" + DRAWN * 40, "a long {} one"),
    ("ACCESS_TOKEN", "eyJhbGciOiJIUzI1NiJ9.eyJ" + DRAWN * 3000 + "." + DRAWN * 600, "{}, all"),
    ("ACCESS_TOKEN", "a8Kd02Lmq9Zx71PwQ", "Authorization: Bearer {}"),
    ("ACCESS_TOKEN", "Zm9vOmJhcmJheg==", "authorization: Basic {}"),
    ("PASSWORD", "YWxhZGRpbjpvcGVuc2VzYW1l", "curl -H 'Basic {}'"),
    (
        "CONNECTION_STRING",
        "Zm9vYmFyYmF6cXV4Zm9vYmFy==",
        "AccountName=x;AccountKey={};EndpointSuffix=y",
    ),
    ("CONNECTION_STRING", "pQ8sV1xZ3aC5eG7i=", "Endpoint=sb://x/;SharedAccessKey={};EntityPath=q"),
    ("PASSWORD", "s3cr3t!", "postgres://admin:{}@db.internal/x"),
    ("PASSWORD", "pa55w0rd", "Server=x;User=sa;Password={};"),
    ("SECRET", "aB3dE6gH9jK2mN5pQ8sT1vW4yZ7%3D", "https://x/y?sv=1&sig={}&se=2"),
    ("PASSWORD", "hunter2", "password: {}"),
    ("PASSWORD", "hunter2", "my password is {}, ok?"),
    ("PASSWORD", "sunshine", "Password: {}\nUser: x"),
    ("PASSWORD", "Tr0ub4dor&3", "PASSWORD={}"),
    ("PASSWORD", "correct horse battery", 'db_password = "{}"'),
    ("PASSWORD", "geheim99", "Passwort: {}"),
    ("SECRET", "9f8e7d6c5b4a39281706f5e4d3c2b1a0", "api_key={}"),
    ("SECRET", "9f8e7d6c5b4a39281706f5e4d3c2b1a0", "Ocp-Apim-Subscription-Key: {}"),
    ("SECRET", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "aws_secret_access_key = {}"),
    ("SECRET", "q7Rt2Yp9Lm4Xz", 'client = Client(token="{}")'),
    ("PASSWORD", "hunt", '{{"password": "{}'),
    ("PASSWORD", "$" + DRAWN * 56 + "/+" + DRAWN, "password='{}'"),
    ("PASSWORD", "$" + DRAWN * 30 + "/+" + DRAWN, "PASSWORD={}"),
    ("SECRET", "Zx81kQ93mmPw72LaQ4tR8wN1", '{{key_id: x.id, keySecret: "{}"}}'),
    ("SECRET", "Zx81kQ93mmPw72LaQ4tR8wN1", "CONSUMERKEYSECRET: {}"),
]

LEFT_ALONE = [
    "max_tokens=100, temperature=0.7, top_p: 1",
    '{"token": "the", "logprob": -0.31, "bytes": [116, 104, 101]}',
    "token = tokenizer.encode(text)[0]; tokens: list[int]",
    "password = get_password()",
    "def login(user: str, password: str = None) -> Token:",
    "password=hashlib.sha256(salt + raw).hexdigest()",
    'api_key = os.environ["OPENAI_API_KEY"]',
    "api_key=YOUR_API_KEY and password=<your password> and token=${TOKEN}",
    "The password is required. Your token is expired. Secret: none",
    "Bearer token authentication is used; bearer of good news",
    "Basic Authentication is weaker than digest",
    "AUTHORIZATION: Final[istr] = istr('Authorization')",
    "primary_key: user_id, foreign_key='order_id', sort_key = created_at",
    "commit 9fceb02d0ae598e95dc970b74767f19372d61af8",
    "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "risk-management and desk-organisation-of-the-year",
    "https://example.org/a/b?page=2&sort=asc#top",
    "sk-xxxxxxxxxxxxxxxxxxxxxxxx",
    '<div class="sk-folding-cube-container"> and sk-video-processing-tools',
    "see -----BEGIN CERTIFICATE----- below",
    "passwords must have 12 characters; change your password every year",
]


@functools.cache
def _secrets() -> SecretDetector:
    return SecretDetector()


async def _found(text: str, key: str | None = None) -> list[tuple[str, str]]:
    (spans,) = await _secrets().detect([Passage(text, key)])
    return [(s.type, text[s.start : s.end]) for s in spans]


@pytest.mark.parametrize(("entity", "value", "carrier"), FOUND, ids=lambda v: str(v)[:24])
async def test_a_credential_is_found_whole(entity: str, value: str, carrier: str) -> None:
    """Each form is found, from its first character to its last."""
    assert (entity, value) in await _found(carrier.format(value))


@pytest.mark.parametrize("text", LEFT_ALONE)
async def test_what_is_no_credential_is_left_alone(text: str) -> None:
    """Code that handles secrets, and talk about them, stays readable."""
    assert await _found(text) == []


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("password", "sunshine"),
        ("dbPassword", "x9!k"),
        ("user_pwd", "let me in"),
        ("apiKey", "9f8e7d6c5b4a39281706"),
        ("x-api-key", "q7Rt2Yp9Lm4Xz"),
        ("authorization", "q7Rt2Yp9Lm4Xz"),
        ("refreshToken", "a1b2c3d4e5f6"),
        ("Authorization", "Token 9944b09199c62bcf9418ad846dd0e4bb"),
        ("Proxy-Authorization", "ApiKey zQ81bs7Ks92jd8Sk2"),
        ("Set-Cookie", "sid=9f8A7b6c5D4e3f2a1B; Path=/; Secure"),
    ],
)
async def test_a_key_names_a_secret(key: str, value: str) -> None:
    """The value of a telling key is found, and only there."""
    assert value in [text for _, text in await _found(value, key)]
    assert value not in [text for _, text in await _found(value, "note")]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("password", "string"),
        ("token", "hello"),
        ("max_tokens", "1000"),
        ("primary_key", "user_id_2"),
        ("authorization", "required for all calls; see the handbook"),
        ("cookie", "theme=dark; lang=en"),
    ],
)
async def test_a_key_alone_makes_no_secret(key: str, value: str) -> None:
    """Schemas, words and identifiers stay readable at telling keys."""
    assert await _found(value, key) == []
