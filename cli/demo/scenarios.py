"""Which behaviour answers: a table from deployment (or model) name to what is done.

The name decides and nothing else does, so that anyone who points a client at the demo can ask
for a refusal or an error by name. A name that is not in the table is answered like `gpt-4o`.
Answers repeat the details they were given, as assistants do, so that personal data comes back
in the answer too and is cut into tokens at places nobody chose.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from cli.demo.behaviours import (
    blocks_prompt,
    cuts_answer,
    extracts,
    fails_halfway,
    hangs_up,
    is_broken,
    is_busy,
    refuses,
    speaks,
    thinks,
    uses_tools,
)
from cli.demo.chat import ChatRequest, Choice, Fault, Reply

__all__ = ["SCENARIOS", "Scenario", "answer"]

Answerer: TypeAlias = Callable[[ChatRequest], Reply | Fault]


@dataclass(frozen=True, slots=True)
class Scenario:
    """One row: what it does, in a few words for people, and the function that does it."""

    what: str
    answerer: Answerer


def answer(request: ChatRequest) -> Reply | Fault:
    """Answer by the table, with as many alternatives as were asked for."""
    scenario = SCENARIOS.get(request.name, SCENARIOS["gpt-4o"])
    given = scenario.answerer(request)
    if isinstance(given, Fault) or request.n == 1:
        return given
    first = given.choices[0]
    others = (_rephrased(first, number) for number in range(2, request.n + 1))
    return Reply((first, *others), given.error, given.hangs_up)


def _rephrased(choice: Choice, number: int) -> Choice:
    if not choice.text:
        return choice
    return Choice(f"Version {number}. {choice.text}", finish=choice.finish)


_REPORT = (
    "The quarter began slowly and ended well. Requests rose by a third, most of them from the "
    "new offices, while the time to answer fell. Two incidents stand out: a certificate that "
    "nobody renewed, and a queue that filled over a holiday. Both were found by customers before "
    "they were found by us, which is the first thing to change. The second is ownership. Each "
    "service now has a name beside it, and each name has a deputy. Costs stayed within the plan "
    "because the old cluster was switched off in May rather than July. For the coming quarter "
    "three things matter: alarms that wake the right person, a restore that somebody has tried, "
    "and fewer dashboards. The appendix lists every open action with its date. "
)

SCENARIOS: dict[str, Scenario] = {
    "gpt-4o": Scenario(
        "answers and repeats the details it was given",
        speaks(
            "Thank you, I have read your message.",
            "Here is what I suggest: keep the change small, try it where nobody is hurt, and "
            "write down what you saw before you go on. If it does not behave as you expect, tell "
            "me the first thing that differs and we take it from there.",
        ),
    ),
    "demo-support": Scenario(
        "answers a customer's mail",
        speaks(
            "Dear customer, I am sorry for the trouble with your order. I have noted the "
            "following from your message.",
            "The refund has been started and takes three to five working days to arrive. You do "
            "not need to send the parcel back. If anything above is wrong, simply reply to this "
            "message and we will put it right. Kind regards, the support team",
        ),
    ),
    "demo-hr": Scenario(
        "summarises a personnel note",
        speaks(
            "Summary of the note. The employee changes team at the start of next month; salary "
            "and holidays stay as they are.",
            "Open points: the new contract needs a signature, payroll needs the bank details "
            "before the twentieth, and the badge must be ordered.",
        ),
    ),
    "demo-clinic": Scenario(
        "writes a referral letter",
        speaks(
            "Dear colleague, thank you for seeing this patient, who has had chest tightness on "
            "exertion for three weeks. Blood pressure 142 over 88, pulse regular, no fever.",
            "Current medicine is ramipril 5 mg once a day. I would be grateful for a stress test "
            "and your advice on further treatment.",
        ),
    ),
    "demo-review": Scenario(
        "reviews code, and quotes the line with the secret in it",
        speaks(
            "The function works, but it holds a secret, and a secret in the source is in every "
            "copy of it.",
            "Move these values into the environment, rotate them today, and add a check to the "
            "build that refuses such strings. The retry loop is fine; the timeout should be an "
            "argument.",
        ),
    ),
    "demo-bank": Scenario(
        "answers in German",
        speaks(
            "Guten Tag, vielen Dank für Ihre Nachricht. Ich habe folgende Angaben notiert.",
            "Der Dauerauftrag wird zum nächsten Monatsersten geändert. Eine Bestätigung erhalten "
            "Sie in den kommenden Tagen. Mit freundlichen Grüßen, Ihr Serviceteam",
        ),
    ),
    "demo-travel": Scenario(
        "answers in French",
        speaks(
            "Bonjour, merci pour votre message. Voici les informations que j'ai relevées.",
            "Votre réservation est confirmée et le train part à huit heures. Vous recevrez le "
            "billet par courriel. Bien cordialement, l'équipe voyages",
        ),
    ),
    "demo-report": Scenario(
        "gives a long answer, for clients that leave", speaks(_REPORT, _REPORT)
    ),
    "demo-agent": Scenario(
        "calls every tool it is offered, then reads out what the tool found", uses_tools
    ),
    "demo-reasoner": Scenario("shows its reasoning (`reasoning_content`)", thinks),
    "demo-extract": Scenario("answers with JSON", extracts),
    "demo-refuse": Scenario("refuses in the `refusal` field", refuses),
    "demo-filter-prompt": Scenario("400: the content filter blocks the prompt", blocks_prompt),
    "demo-filter-answer": Scenario(
        "the content filter cuts the answer after it was sent", cuts_answer
    ),
    "demo-busy": Scenario("429 with retry-after", is_busy),
    "demo-broken": Scenario("500", is_broken),
    "demo-fails-halfway": Scenario("an error inside a stream that began with 200", fails_halfway),
    "demo-hangs-up": Scenario("the connection breaks in mid-answer", hangs_up),
}
