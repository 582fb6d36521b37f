"""Keys of more issuers: what each prints in front, and the alphabet and length behind it.

An issuer's shape is believed as a whole, since prefixes alone (`re_`, `pat`) begin words too. A
shape that much else has counts only where a word near by names the issuer.
"""

from __future__ import annotations

import re

from redaction.detectors.drawn import entropy, has_odd_capitals
from redaction.detectors.recogniser import ShapeRecogniser, words

__all__ = ["ISSUERS"]

_WRITTEN = {"%h": "[a-f0-9]", "%a": "[A-Za-z0-9]", "%u": r"[A-Za-z0-9_\-]",
            "%i": "[a-f0-9]{8}(?:-[a-f0-9]{4}){3}-[a-f0-9]{12}"}  # fmt: skip

# In these, %h is a hexadecimal digit, %a a letter or digit, %u one of base 64 for URLs, %i a UUID.
_SHAPES = {
    "adafruit": "aio_%a{28}",
    "airtable": r"pat%a{14}\.%h{64}",
    "alibaba": "LTAI%a{12,26}",
    "asana": r"[012]/\d{10,20}(?:/\d{10,20})?:%h{32}",
    "atlassian": r"AT(?:ATT|CTT)3[A-Za-z0-9_\-=]{60,400}",
    "artifactory": "AKCp%a{60,75}|cmVmdGtu[A-Za-z0-9+/]{40,70}",
    "bitbucket": "ATBB%a{32}",
    "braintree": r"access_token\$(?:production|sandbox)\$[a-z0-9]{16}\$%h{32}",
    "brevo": "xkeysib-%h{64}-%a{16}",
    "buildkite": "bkua_%h{40}",
    "circleci": "CCI(?:PAT|PRJ)_%a{18,26}_%h{40}",
    "clojars": "CLOJARS_[a-z0-9]{60}",
    "cloudflare_origin": r"v1\.0-%h{24}-%h{140,150}",
    "crates": "cio%a{32}",
    "datadog": "ddapp_%a{34,40}",
    "digitalocean": "do[opr]_v1_%h{64}",
    "docker": "dckr_[op]at_%u{20,40}",
    "doppler": r"dp\.(?:pt|ct|st|sa|scim|audit)\.(?:[a-z0-9\-_]{2,35}\.)?%a{40,44}",
    "dropbox": r"sl\.%u{100,1400}",
    "duffel": "duffel_(?:live|test)_%u{30,45}",
    "easypost": "EZ[AT]K%a{54}",
    "elevenlabs": "sk_%h{48}",
    "facebook": "EAA%a{80,250}",
    "fireworks": "fw_%a{22,30}",
    "flutterwave": "FLWSECK(?:_TEST)?-%a{12,40}(?:-X)?",
    "fly": r"fm[12][ar]?_[A-Za-z0-9+/=,_]{80,2000}",
    "gitlab_routed": r"gl[a-z]{2,5}-%u{20,64}\.[0-9a-z]{2}\.[0-9a-z]{9}",
    "heroku": "HRKU-(?:AA%u{50,60}|%i)",
    "hubspot": r"pat-[a-z]{2}\d-%i",
    "infracost": "ico-%a{32}",
    "lob": "(?:live|test)_%h{35}",
    "mailgun": "(?:key|pubkey)-%h{32}|%h{32}-%h{8}-%h{8}",
    "mapbox": r"[ps]k\.eyJ%u{20,200}\.%u{20,60}",
    "netlify": "nfp_%a{36,40}",
    "new_relic": "%h{36}NRAL|NR(?:AK|AA|II|JS|RA)[A-Z]?-%u{20,40}",
    "nuget": "oy2[a-z0-9]{43}",
    "onepassword": "ops_eyJ%u{200,2000}",
    "pinecone": "pcsk_%a{5,8}_%a{40,70}",
    "plaid": "access-(?:production|sandbox|development)-%i",
    "prefect": "pnu_%a{36}",
    "razorpay": "rzp_(?:live|test)_%a{14}",
    "readme": "rdme_[a-z0-9]{70}",
    "resend": "re_%a{6,10}_%a{20,28}",
    "shippo": "shippo_(?:live|test)_%h{40}",
    "shopify": "shp(?:at|ca|pa|ss|ua)_%h{32}",
    "sonarqube": "sq[pua]_%h{40}",
    "sourcegraph": "sgp_(?:%h{16}_)?%h{40}",
    "supabase": "sb_(?:secret|publishable)_%u{20,50}|sbp_%h{40}",
    "tencent": "AKID%a{32}",
    "trello": "ATTA%h{64}[A-F0-9]{8}",
    "twitter": "A{20,22}%a{4}[A-Za-z0-9%]{60,100}",
    "typeform": "tfp_%u{40,62}",
    "vercel": "vc[pkairt]_%a{24,70}",
    "yandex": "AQVN%u{35,38}|y0_%u{55,62}",
    "azure_devops": "%a{76}AZDO%a{4}",
    # How `-----BEGIN … PRIVATE KEY-----` begins in base 64, as a kubeconfig holds it.
    "encoded_key": "LS0tLS1CRUdJTi(?:BQUklWQVRF|BSU0EgUFJJVkFURS|BFQyBQUklWQVRF"
                   "|BPUEVOU1NIIFBSSVZBVE|BFTkNSWVBURUQg|BEU0EgUFJJVkFURS)[A-Za-z0-9+/]{16,12000}",
}  # fmt: skip
# The account key of a storage or a database as Azure made it before 2024, and digests' shape too.
_ACCOUNT_KEY = r"(?<![A-Za-z0-9+/=_\-])[A-Za-z0-9+/]{86}==(?![A-Za-z0-9+/=])"
_NAMED = (
    ("okta", "00%u{40}", words("okta", "ssws", "api token", "token")),
    ("azure_devops_old", "[a-z2-7]{52}",
     words(r"\w{0,20}pat", "azure devops", "ado", "vsts", r"personal access \w+", "token")),
    ("octopus", "API-[A-Z0-9]{25,32}", words("octopus", "octo")),
    ("backblaze", r"K00\d[A-Za-z0-9/+]{27}", words("b2", "backblaze", "application key")),
    ("vault_old", r"s\.%a{24}", words("vault", "vault token", "token")),
    ("licence_key", r"(?=[A-Z\-]{0,40}[0-9])[A-Z0-9]{4,8}(?:-[A-Z0-9]{4,8}){3,7}",
     words("(?:licen[cs]e|product|activation|serial|cd) (?:key|code|number)", r"lizenz\w*",
           "produktschlüssel", "clé (?:de licence|produit|d activation)", "licencia", "licenza",
           "licença", r"licentie\w*", "licencji", "klucz produktu", "chave do produto",
           "seriennummer")),
    ("vendor_hex", "(?=%h{32})(?:%h{32}|%h{37}|%h{40}|%h{64})",
     words("datadog", "wandb", "algolia", "trello", "twilio", "cloudflare", "fastly", "rollbar",
           "bugsnag", "sumologic", "loggly", "segment", "amplitude", "mixpanel", r"openweather\w*",
           "tmdb", "shodan", "virustotal", "infura", "alchemy", "etherscan", "mailchimp", "sentry",
           "honeycomb", "new relic", "api (?:key|token|secret)s?")),
    ("vendor_uuid", "(?=%h{8}-)%i",
     words("genie ?key",
           "(?:heroku|postmark|sendgrid|azure|ibm|server|api|auth|access|bearer|secret|license"
           r"|tunnel) (?:key|token|secret)[^\n]{0,16}")),
)  # fmt: skip


def _varied(value: str) -> bool:
    """Tell what was drawn from a row of x and from a word."""
    # Of fourteen letters and digits one value in twelve has no digit.
    return entropy(value) > 2.5 and (any(map(str.isdigit, value)) or has_odd_capitals(value))


def _mixed(value: str) -> bool:
    return all(any(map(each, value)) for each in (str.isupper, str.islower, str.isdigit))


def _written(shape: str) -> str:
    for sign, letters in _WRITTEN.items():
        shape = shape.replace(sign, letters)
    return rf"(?<![A-Za-z0-9_])(?:{shape})(?![A-Za-z0-9])"


ISSUERS: tuple[ShapeRecogniser, ...] = (
    *(
        ShapeRecogniser(name, "API_KEY", re.compile(_written(shape)), 0.95, _varied, reach=16_000)
        for name, shape in _SHAPES.items()
    ),
    *(
        ShapeRecogniser(name, "API_KEY", re.compile(_written(shape)), 0.2, _varied, near, 0.85)
        for name, shape, near in _NAMED
    ),
    ShapeRecogniser(
        "account_key", "SECRET", re.compile(_ACCOUNT_KEY), 0.7, _mixed,
        # A digest of 512 bits has this length too, and says so in lock files.
        against=re.compile(r"sha512[-:= ]\Z"), telling=r"[A-Za-z0-9+/]{4}==",
    ),
)  # fmt: skip
