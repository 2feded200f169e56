"""Files of a taxonomy as people write them: every version, right ones, and the ways they go wrong."""

from __future__ import annotations

SKILL = """\
created_by: baker
task_description: |
  Tell what a loaf is made of.
seed_examples:
  - question: What is rye bread made of?
    answer: Of rye.
  - question: |
      What is in a bun?
      Say it in a word.
    answer: |
      Sugar
  - question: Is there salt in it?
    answer: 'Yes: a little.'
"""
GROUNDED = """\
version: 2
created_by: baker
task_description: Answer from the text.
seed_examples:
- context: >
    The oven is lit at four. The first loaves
    are ready at six.
  question: When is the oven lit?
  answer: At four.
- context: >
    Buns are baked on Sundays only.
  question: When are there buns?
  answer: On Sundays.
"""
KNOWLEDGE_1 = """\
version: 1
created_by: baker
domain: baking
task_description: To teach a model about bread
seed_examples:
- question: What is a crumb?
  answer: The inside of a loaf.
- question: What is a crust?
  answer: The outside of a loaf.
document:
  repo: https://example.org/bread.git
  commit: 951999a
  patterns: [bread.md]
"""
KNOWLEDGE_3 = """\
---
version: 3
created_by: baker
domain: baking
seed_examples:
  - context: |
      A crumb is the inside of a loaf.

      A crust is its outside.
    questions_and_answers:
      - question: What is a crumb?
        answer: The inside.
      - question: What is a crust?
        answer: The outside.
  - context: Dough rises in the warm.
    questions_and_answers:
      - question: |
          Where does dough rise?
        answer: |
          In the warm.
document_outline: |
  About bread.
document:
  repo: https://example.org/bread.git
  commit: 951999afdc59
  patterns:
    - bread.md
    - dough/*.md
"""
EARLY = """\
created_by: baker
seed_examples:
- answer: Of rye.
  attribution:
  - source: self-authored
    license: Apache-2.0
  question: What is rye bread made of?
task_description: 'About bread'
"""

RIGHT = {
    "skill without a version": SKILL,
    "skill 1": "version: 1\n" + SKILL,
    "skill 2": "version: 2\n" + SKILL,
    "skill 3": "version: 3\n" + SKILL,
    "grounded 2": GROUNDED,
    "grounded 3": GROUNDED.replace("version: 2", "version: 3"),
    "grounded without a version": GROUNDED.replace("version: 2\n", ""),
    "knowledge 1": KNOWLEDGE_1,
    "knowledge 2": KNOWLEDGE_1.replace("version: 1", "version: 2"),
    "knowledge 3": KNOWLEDGE_3,
    "knowledge 3 in a folder": KNOWLEDGE_3.replace(
        "  repo: https://example.org/bread.git\n  commit: 951999afdc59\n", "  folder: /srv/bread\n"
    ),
    "early, with attribution": EARLY,
}
"""Files that need no repair."""

REPAIRED = {
    "a colon in a text": (
        SKILL.replace("Of rye.", "Of this: rye."),
        "6:13 the text of 'answer' was put in quotes",
    ),
    "a colon in the second line of a text": (
        SKILL.replace("answer: Of rye.", "answer: Of what\n      there is: rye"),
        "6:13 the text of 'answer' was put in quotes",
    ),
    "a sign that starts no text": (
        SKILL.replace("Of rye.", "@rye"),
        "6:13 the text of 'answer' was put in quotes",
    ),
    "a text that begins like an alias": (
        SKILL.replace("Of rye.", "*rye* flour"),
        "6:13 the text of 'answer' was put in quotes",
    ),
    "quotes inside quotes": (
        SKILL.replace("Of rye.", "'It's rye'"),
        "6:13 the text of 'answer' was put in quotes",
    ),
    "words behind a quote": (
        SKILL.replace("Of rye.", '"Rye" is in it'),
        "6:13 the text of 'answer' was put in quotes",
    ),
    "a quote that never closes": (
        SKILL.replace("'Yes: a little.'", "'Yes: a little."),
        "13:13 the text of 'answer' was put in quotes",
    ),
    "a text that begins like a block": (
        SKILL.replace("Of rye.", "> 50 % rye"),
        "6:13 the text of 'answer' was put in quotes",
    ),
    "a bracket that never closes": (
        SKILL.replace("Of rye.", "[rye"),
        "6:13 the text of 'answer' was put in quotes",
    ),
    "a key one space too far": (
        SKILL.replace("    answer: Of rye.", "     answer: Of rye."),
        "6:6 'answer' stands below 'question' now; it was indented by 5 instead of 4",
    ),
    "tabs": (SKILL.replace("    answer: Of rye.", "  \tanswer: Of rye."), "6:3 tabs became spaces"),
    "a misspelt key": (SKILL.replace("answer: Of", "anwser: Of"), "6:5 'anwser' was read as 'answer'"),
    "a misspelt list": (
        SKILL.replace("seed_examples", "seed_example"),
        "4:1 'seed_example' was read as 'seed_examples'",
    ),
    "an unknown key": (SKILL + "task_group: bread\n", "14:1 the unknown key 'task_group' was left out"),
    "a number for an answer": (SKILL.replace("Of rye.", "2.50"), "6:13 'answer' became the text '2.50'"),
    "a list for an answer": (
        SKILL.replace("answer: Of rye.", "answer:\n      - rye\n      - water"),
        "6:5 the list of 'answer' became lines of a text",
    ),
    "a version in quotes": ('version: "3"\n' + SKILL, "1:10 the version was read as 3"),
    "a key said twice": (
        "created_by: baker\n" + SKILL,
        "2:1 the repeated line 'created_by: baker' was left out",
    ),
    "the same seed twice": (
        SKILL + "  - question: What is rye bread made of?\n    answer: Of rye.\n",
        "14:1 the seed is that of line 5 again and was left out",
    ),
    "an empty seed": (
        SKILL + "  - question:\n    answer: |\n\n",
        "14:5 the empty seed was left out",
    ),
    "a control character": (
        SKILL.replace("Of rye.", "Of\x0crye."),
        "6:15 the control character U+000C became a space",
    ),
    "no place of the document": (
        KNOWLEDGE_1.replace("  repo: https://example.org/bread.git\n", ""),
        "10:1 the document names no place, so only the seeds are taken",
    ),
}
"""Files that are repaired, and what is said of it."""

REFUSED = {
    "a newer version": ("version: 4\n" + SKILL, "1:10 version 4 is not known. Known: 1, 2, 3, or none"),
    "no seeds": ("version: 3\ncreated_by: baker\n", "1:1 the key 'seed_examples' is missing"),
    "seeds that are no list": (
        SKILL[: SKILL.index("  - ")] + "  question: a\n",
        "4:1 'seed_examples' is no list. Begin each seed with '- '",
    ),
    "an answer that is missing": (
        SKILL.replace("    answer: Of rye.\n", ""),
        "5:5 the answer is missing or empty. Write it, or delete the seed",
    ),
    "an answer that is a mapping": (
        SKILL.replace("answer: Of rye.", "answer: {of: rye}"),
        "6:13 'answer' is a mapping, expected a text",
    ),
    "a seed that is a text": (
        SKILL + "  - rye\n",
        "14:5 a seed has a question and an answer. Write both as keys",
    ),
    "two questions in one seed": (
        SKILL.replace("    answer: Of rye.\n", "    answer: Of rye.\n    question: And oats?\n"),
        "7:5 'question' is written twice. Keep one of them",
    ),
    "questions that are no list": (
        KNOWLEDGE_3.replace(
            "questions_and_answers:\n      - question: What is a crumb?\n        answer: The inside.\n"
            "      - question: What is a crust?\n        answer: The outside.\n",
            "questions_and_answers: none\n",
        ),
        "10:28 'questions_and_answers' is no list. Begin each question with '- '",
    ),
    "a template nobody filled": (
        "task_description: |\n  Insert description\ncreated_by:\nseed_examples:\n"
        "  - question: |\n      \n    answer: |\n",
        "4:1 there are no seeds in it",
    ),
}
"""Files that cannot be repaired, and the first line that is told."""
