"""The words that announce a secret, in the languages that are read.

Behind a strong word almost any single value is a secret; behind a weak one only what looks drawn
at random is, because `max_tokens: 100` and `primary_key: user_id` are not secrets and a log
without them is useless.
"""

from __future__ import annotations

__all__ = ["COPULA", "CREDENTIALS", "ENTRY", "PIN", "STRONG", "STRONG_PROSE", "WEAK"]

# As they stand in code and configuration too.
STRONG = (
    r"passw(?:or)?ds?|pass[ _-]?phrase|pass[ _-]?w(?:or)?d|passwort|kennwort|kenwort"
    r"|mot[ _-]de[ _-]passe|contrase[nñ]as?|contrasenya|palavra[ _-]?passe|senhas?|hasł(?:o|a|em"
    r"|u|ach)"
    r"|hasl(?:o|em|a)|wachtwoord|pwd|psw|passcode|pin[ _-]?code|client[ _-]?secret|otp"
    r"|one[ _-]?time[ _-]?code|(?<=[_.\-])pass(?![^\W_])|parola d'ordine|paroll?a? chiave"
    r"|losenord|salasana|adgangskode|passord|парол[ья]"
    r"|heslo|jelszó|şifre|암호|密码|パスワード"
)
# Words that are too common in code to be believed there.
STRONG_PROSE = STRONG + (
    r"|pass(?! (?:in|on|to|an?|the|through|by|as|it|them)(?![^\W_]))|pw|ww|wpa[23]?(?:[ -]?psk)?"
    r"|mdp|clave(?: de acceso)?|code (?:wifi|d'accès|secret)|codice (?:segreto|di accesso)"
    r"|código (?:de acceso|secreto)|zugangscode|toegangscode|kod dostępu|wifi[ -]?(?:key|code"
    r"|schlüssel"
    r"|sleutel)|wi-?fi[ -](?:pass|key)|clé wifi|parola|combination"
)
WEAK = (
    r"secret(?:[ _-]?(?:access[ _-]?)?key)?|(?:api|access|account|subscription|signing"
    r"|encryption|decryption|validation"
    r"|private|license|master|shared|webhook|functions|auth|secret|session|app|service|deploy"
    r"|storage|admin|read|write|server|client|bot|user|root|host|license|activation|product"
    r"|recovery|backup|personal[ _-]?access)[ _-]?"
    r"(?:key|token|secret|code)|apikey|(?:refresh|id|csrf|bearer|bot|device)[ _-]?token"
    r"|credentials?|jwt|token|cookie|sas|clé(?: d'api| api| secrète)?|jeton|schlüssel"
    r"|zugriffsschlüssel"
    r"|llave|clave|ficha|chiave|gettone|chave|secreto|segredo|segreto|sekret|geheimnis|sleutel"
    r"|klucz|dsn|salt|hmac|nonce|signature"
)
# What has a code, for the order "door code" and for "code of the door".
_PLACE = (
    r"doors?|gates?|garage|entry|entrance|alarm|burglar alarm|safe|vault|lock(?:er)?|lobby|building"
    r"|lift|elevator|keypad|key ?box|bike|suitcase|phone|sim|card|bank|voicemail|unlock|access"
)
_OCCASION = (
    r"sign-?in|log-?in|confirmation|activation|auth(?:entication)?|verification|security|backup"
    r"|recovery|2fa|mfa|sms|one[ -]?time|otp|reset|pairing|gift"
)
_PLACES = (
    rf"{_PLACE}|front door|alarm\w*|(?:haus|keller|büro|wohnungs)?tür|tor|tresor|schließfach"
    rf"|schlüssel\w*"
    r"|eingang|porte|portail|portillon|immeuble|entrée|coffre|boîte|cadenas|parking|puerta|portal"
    r"|verja|garaje|caja|candado|trastero|cancello|portone|porta|cassaforte|citofono|lucchetto"
    r"|ingresso"
    r"|portão|cofre|prédio|garagem|cadeado|condomínio|voordeur|deur|poort|hek|kluis|slot|bramy"
    r"|drzwi"
    r"|furtki|klatki|domofonu|sejfu|garażu|kłódki|alarmu|budynku|telefonu|karty"
)
_CODES = (
    r"code|código|codice|kod|combination|combinaison|combinación|combinazione|kombination"
    r"|combinatie"
)
_ARTICLES = (
    r"the|la|le|les|l|el|il|lo|i|die|den|das|dem|der|de|het|o|a|os|as|my|our|mein\w*|unser\w*"
    r"|mon|ma"
    r"|notre|mi|mio|mia|meu|minha|nosso|mijn|onze|ons"
)
PIN = (
    r"pins?(?:[ _-]?(?:code|number|nummer|no|nr|kod))?|pincode|geheimzahl|(?:code|código|codice"
    r"|kod) pin"
    r"|tan|puk|otp|cvv2?|cvc2?|cid|combination|disarm(?:ed)? with|(?:safe|door|gate|lock|vault"
    r"|locker) opens"
    r" with|padlock|candado|lucchetto|cadeado|cadenas|kłódka|(?:iphone|ipad|android"
    r"|mobile) ?(?:pass)?code|digicode|pass-?code"
    rf"|(?:{_PLACE}|{_OCCASION})[ -]?(?:pass)?(?:code|combo|combination)"
    r"|one[ -]?time (?:code|password|passcode)|(?:phone|screen|tablet|sim) (?:un)?lock"
    r"|(?:sicherheits|bestätigungs|einmal|sms-?|tür|tor|haustür|eingangs|alarm|zugangs|safe|tresor"
    r"|freischalt|entsperr|schließfach|garagen|aktivierungs|verifizierungs|zahlen)-?"
    r"(?:codes?|pin|kombination)|prüfziffer der karte|einmal(?:pass|kenn)wort"
    r"|(?:deur|poort|alarm|toegangs|kluis|verificatie|beveiligings|bevestigings|ontgrendel|sms-?"
    r"|inlog"
    r"|hek|garage)-?code"
    r"|code (?:de |d['\u2019])?(?:validation|sécurité|accès|confirmation|vérification"
    r"|déverrouillage|secret)"
    r"|código (?:de )?(?:validación|validação|seguridad|verificación|verificação|acceso|acesso"
    r"|desbloqueo|desbloqueio"
    r"|confirmación|confirmação|segurança|secreto)"
    r"|codice (?:di |d['\u2019])?(?:validazione|sicurezza|verifica|accesso|sblocco|conferma"
    r"|segreto)"
    r"|kod (?:weryfikacyjny|dostępu|jednorazowy|sms|zabezpieczający)"
    rf"|(?:{_CODES}) (?:for|to|of|on|für|zu[mr]?|vo[nm]|de|du|des|del|della|dell|do|da|d|per"
    rf"|para|pour"
    rf"|voor|van|od|al|der"
    rf"|die)(?:[ '\u2019](?:{_ARTICLES})){{0,2}}[ '\u2019](?:[^\W\d_]{{1,12}} )?(?:{_PLACES})"
    rf"|(?:{_CODES}) (?:{_PLACES})"
)
# What stands between a word and what it announces, in the languages that are read.
COPULA = (
    r"is now|is|was|reads|says|used to be"
    r"|are|being|will be|should be|would be|ist|war|lautet|heißt|wäre|sei|wird|est"
    r"|sera"
    r"|était|serait|c['\u2019]est|es|era|será|sería|è|sarà|sarebbe"
    r"|é|foi|seria|as|to|brzmi|jest|będzie|luidt|werd|wordt|zou|auf|naar|na|zu|set to|changed to"
    r"|reset to|its|it's|that's|it\u2019s|['\u2019]s"
)
# Words about getting in, behind which a contrived value is what one gets in with.
ENTRY = (
    r"log(?:s|ged|ging)?[ -]?(?:in|on|into)|logins?|sign(?:s|ed|ing)?[ -]?(?:in|on|into)"
    r"|unlock(?:s|ed|ing)?|get (?:in|into|access)|let (?:me|you|us) in|authenticate[sd]?"
    r"|user ?names?|cred(?:ential)?s|access to|wi-?fi|wlan|ssid|vpn|rdp|remote desktop|(?:shared"
    r"|admin|service|guest) account|guest network|(?:anmeld|einlogg|logg|tippe|entsperr"
    r"|melde)\w*"
    r"|eingeloggt|angemeldet|zugangsdaten|benutzer(?:name)?n?|nutzer|zugang|connecte[rz]?(?:-toi"
    r"|-vous)?"
    r"|utilisateur|identifiants?|déverrouill\w+|accède[rz]?|accès|usuario|entra[rn]?|entre[rz]?"
    r"|logue\w{1,3}|acced[eoia]\w{0,3}"
    r"|credenciales|desbloque\w+|inici[ao] sesión|credenziali|sblocc\w+|utente|usuário"
    r"|utilizador|aced[ae]\w{0,2}"
    r"|credenciais|inlog\w*|log in|erin|toegang|acces+o|acesso|dostęp\w*|aanmeld\w*"
    r"|gebruiker(?:snaam)?|ontgrendel\w*|zalog\w+|logow\w+"
    r"|użytkownik\w*|odblok\w+|dane dostępowe"
)
# What announces a user and a password together.
CREDENTIALS = (
    r"cred(?:ential)?s|login(?: data| details)?|log[ -]?in (?:with|as|using)|sign[ -]?in (?:with"
    r"|as|using)"
    r"|zugangsdaten|anmeldedaten|identifiants?|accès|credenciales|acceso|credenziali|accesso"
    r"|credenciais"
    r"|acesso|inloggegevens|inlog|dane (?:logowania|dostępowe)|logowanie|account|auth|user/pass"
)
