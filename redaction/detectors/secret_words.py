"""The words that announce a secret, in the languages that are read.

Behind a strong word almost any single value is a secret; behind a weak one only what looks drawn
at random is, because `max_tokens: 100` and `primary_key: user_id` are not secrets and a log
without them is useless.
"""

from __future__ import annotations

__all__ = ["CREDENTIALS", "PIN", "STRONG", "STRONG_PROSE", "WEAK"]

# As they stand in code and configuration too.
STRONG = (
    r"passw(?:or)?ds?|pass[ _-]?phrase|pass[ _-]?w(?:or)?d|passwort|kennwort|kenwort"
    r"|mot[ _-]de[ _-]passe|contrase[nñ]as?|contrasenya|palavra[ _-]?passe|senha|hasł[oa]"
    r"|haslo|wachtwoord|pwd|psw|passcode|pin[ _-]?code|client[ _-]?secret|otp"
    r"|one[ _-]?time[ _-]?code|(?<=[_.\-])pass(?![^\W_])|parola d'ordine|paroll?a? chiave"
    r"|losenord|salasana|adgangskode|passord|парол[ья]"
    r"|heslo|jelszó|şifre|암호|密码|パスワード"
)
# Words that are too common in code to be believed there.
STRONG_PROSE = STRONG + (
    r"|pass|pw|mdp|clave(?: de acceso)?|code (?:wifi|d'accès|secret)|codice (?:segreto|di accesso)"
    r"|código (?:de acceso|secreto)|zugangscode|toegangscode|kod dostępu|wifi[ -]?(?:key|code"
    r"|schlüssel"
    r"|sleutel)|wi-?fi[ -](?:pass|key)|clé wifi|parola|combination"
)
WEAK = (
    r"secret(?:[ _-]?(?:access[ _-]?)?key)?|(?:api|access|account|subscription|signing|encryption"
    r"|private|license|master|shared|webhook|functions|auth|secret|session|app|service|deploy"
    r"|storage|admin|read|write|server|client|bot|user|root|host|license|activation|product"
    r"|recovery|backup|personal[ _-]?access)[ _-]?"
    r"(?:key|token|secret|code)|apikey|(?:refresh|id|csrf|bearer|bot|device)[ _-]?token"
    r"|credentials?|jwt|token|cookie|sas|clé(?: d'api| api| secrète)?|jeton|schlüssel"
    r"|zugriffsschlüssel"
    r"|llave|clave|ficha|chiave|gettone|chave|sleutel|klucz|dsn|salt|hmac|nonce|signature"
)
PIN = (
    r"pins?(?:[ _-]?(?:code|number|nummer|no|nr))?|pincode|geheimzahl|code pin|código pin"
    r"|codice pin"
    r"|kod pin|tan|otp|cvv2?|cvc2?|cid|security code|sicherheitscode|prüfziffer der karte"
    r"|code de sécurité|código de seguridad|codice di sicurezza|2fa code|verification code"
    r"|one[ -]?time (?:code|password)|sms[ -]?code|(?:access|door|alarm|gate|entry|safe|unlock"
    r"|sign-?in"
    r"|login|confirmation|activation|auth(?:entication)?|backup|security|lock) (?:code|combination)"
    r"|code d'accès|bestätigungscode|türcode|code de confirmation|code de vérification"
    r"|código de verificación"
    r"|codice di verifica|código de verificação|verificatiecode|kod weryfikacyjny|safe combination"
)
# What announces a user and a password together.
CREDENTIALS = (
    r"cred(?:ential)?s|login(?: data| details)?|log[ -]?in (?:with|as|using)|sign[ -]?in (?:with"
    r"|as|using)"
    r"|zugangsdaten|anmeldedaten|identifiants?|accès|credenciales|acceso|credenziali|accesso"
    r"|credenciais"
    r"|acesso|inloggegevens|inlog|dane (?:logowania|dostępowe)|logowanie|account|auth|user/pass"
)
