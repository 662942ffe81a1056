"""Everything citechat says in its own words."""

from __future__ import annotations

NOT_FOUND = "The documents do not answer this."
NOT_FOUND_NEAR = "The documents do not answer this. The nearest passages are listed; none of them says it."
CLARIFY = "What is this question about? Please name the person, thing or topic."
NO_WORDS = "There are no words in this question. Please ask in words."
EMPTY_INDEX = "There are no documents yet. Add some with: citechat index add PATH"
