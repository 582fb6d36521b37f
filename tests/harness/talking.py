"""Sessions with the realtime SDK, so many turns each, as an application would have them."""

from __future__ import annotations

from collections.abc import Sequence

from openai import AsyncOpenAI

__all__ = ["talk"]


async def talk(url: str, turns: Sequence[str], *, instructions: str = "Be kind.") -> list[str]:
    """Say one turn after the other on one connection; gives what was answered to each."""
    client = AsyncOpenAI(api_key="planted", base_url=f"{url}/v1")
    async with client, client.realtime.connect(model="gpt-realtime") as connection:
        await connection.session.update(session={"type": "realtime", "instructions": instructions})
        heard: list[str] = []
        for text in turns:
            await connection.conversation.item.create(
                item={
                    "type": "message",
                    "role": "user",
                    "content": [{"type": "input_text", "text": text}],
                }
            )
            await connection.response.create()
            heard.append("")
            async for event in connection:
                if event.type == "response.output_audio_transcript.delta":
                    heard[-1] += event.delta
                if event.type == "response.done":
                    break
        return heard
