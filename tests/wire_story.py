"""One story of a news agency as five papers print it, and another story on the same topic."""

from __future__ import annotations

SENTENCES = (
    "Engineers have closed the Marlow Dam to all traffic after divers found a crack in its northern wall.",
    "The crack is eleven metres long and reaches two metres below the water line, the river authority said on Tuesday.",
    "Residents of the villages of Aldham and Crewe were told to keep a bag packed, but nobody has had to leave so far.",
    "The level of the reservoir will be lowered by four metres over the next three weeks to take weight off the wall.",
    "“There is no danger of a sudden break, but we will not take any chance,” said Helen Marsh, the authority's chief "
    "engineer.",
    "The dam was built in 1958 and supplies drinking water to some 310,000 people in the valley.",
    "Its last full inspection was in 2019, when the inspectors noted damp patches but no damage.",
    "The repair is expected to cost 24 million pounds and to last until the autumn of next year.",
    "Farmers downstream fear for their fields, because water will be let out through the old spillway at Crewe.",
    "A farmers' union has asked the county for compensation of 600 pounds a hectare.",
    "The county council will debate the request at a special meeting on Friday evening.",
    "Anglers and sailing clubs have been asked to stay off the reservoir until further notice.",
)
LEAD, DETAIL, QUOTE, REPAIR, FARMS, REST = (
    " ".join(SENTENCES[first:last]) for first, last in ((0, 2), (2, 4), (4, 5), (5, 8), (8, 11), (11, 12))
)
CHANGED = REPAIR.replace("to last until the autumn of next year", "to go on until the autumn of the coming year")

PAPERS = {
    "agency.md": ("Crack closes Marlow Dam", "Valley Press Agency", (LEAD, DETAIL, QUOTE, REPAIR, FARMS, REST)),
    "herald.md": (
        "Marlow Dam shut after divers find crack",
        "The Herald",
        (
            "Drivers who cross the valley every morning face a detour of forty minutes this week. The Herald has put "
            "together what is known about the wall, the water and the villages below it.",
            *(LEAD, DETAIL, QUOTE, REPAIR, FARMS, REST),
        ),
    ),
    "echo.md": (
        "Eleven-metre crack in dam wall",
        "The Evening Echo",
        (LEAD, DETAIL, QUOTE, CHANGED, FARMS, "Sign up for the Evening Echo's newsletter and never miss a story."),
    ),
    "post.md": (
        "Dam closed, reservoir to be lowered",
        "The Morning Post",
        (f"{LEAD} {DETAIL}", f"{QUOTE} {REPAIR}", "Follow The Morning Post for live updates from the valley."),
    ),
    "news.md": (
        "Villages told to keep a bag packed",
        "Valley News",
        (
            "By our own correspondent, with reports from the agency.",
            *(LEAD, f"{DETAIL} {QUOTE}", REPAIR, f"{FARMS} {REST}"),
            "© Valley News. All rights reserved.",
        ),
    ),
}
OTHER = (
    "Crack found at Penrose Dam",
    "Coast Daily",
    (
        "A crack has been found in the gate house of the Penrose Dam on the coast, the harbour board said on Monday.",
        "The crack is three metres long. The dam stays open to traffic, and the repair will cost 2 million pounds.",
        "“It is a matter of mortar, not of the wall,” said Owen Price, who runs the dam for the harbour board.",
    ),
)


def documents() -> dict[str, str]:
    """Return the files of the five papers and of the other story, by name."""
    return {
        name: "\n\n".join((f"---\noutlet: {outlet}\npublished: 2025-03-{day:02}\n---", f"# {title}", *paragraphs))
        for day, (name, (title, outlet, paragraphs)) in enumerate({**PAPERS, "coast.md": OTHER}.items(), 4)
    }
