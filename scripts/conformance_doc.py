"""Write docs/reference/engine-conformance.md from the conformance suite; ``--check`` says whether it is up to date.

A behaviour is a test whose docstring says it in a sentence: what every engine promises, in prose and in code.
"""

import ast
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
SUITE = ROOT / "tests" / "conformance"
TARGET = ROOT / "docs" / "reference" / "engine-conformance.md"
LEAST = 60
HEAD = """# What every engine promises

The interface is `src/cloche/executor/engines/engine.py`; this is how its cells behave. Each sentence is a test of
`tests/conformance`, which every engine and every tier passes unchanged. What a tier does not promise is declared in
`tests/conformance/bench.py` (`LACKS`) and told at the end; the same test then shows what it does instead.
Written by `scripts/conformance_doc.py`.
"""


def main() -> None:
    """Write or check."""
    sections = [_section(path) for path in sorted(SUITE.glob("test_*.py"))]
    count = sum(section.count("\n- ") for section in sections)
    if count < LEAST:
        sys.exit(f"{count} behaviours are fewer than {LEAST}")
    text = "".join([HEAD, *sections, _lacking()])
    if "--check" not in sys.argv:
        TARGET.write_text(text, encoding="utf-8")
    elif not TARGET.exists() or TARGET.read_text(encoding="utf-8") != text:
        sys.exit("docs/reference/engine-conformance.md is out of date; run scripts/conformance_doc.py")


def _section(path: Path) -> str:
    module = ast.parse(path.read_text(encoding="utf-8"))
    tests = [
        node
        for node in module.body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")
    ]
    title = _sentence(module, path.name).removesuffix(".")
    return f"\n## {title}\n\n" + "".join(f"- {_sentence(test, test.name)} `{test.name}`\n" for test in tests)


def _lacking() -> str:
    """What tiers do without, as the suite declares it."""
    for node in ast.parse((SUITE / "bench.py").read_text(encoding="utf-8")).body:
        if isinstance(node, ast.AnnAssign) and ast.unparse(node.target) == "LACKS" and node.value is not None:
            tiers = ast.literal_eval(node.value)
            lines = [f"- `{tier}`: {said}\n" for tier, lacks in tiers.items() for said in lacks.values()]
            return f"\n## What a tier does without\n\n{''.join(lines)}"
    sys.exit("bench.py declares no LACKS")


def _sentence(node: ast.Module | ast.FunctionDef | ast.AsyncFunctionDef, name: str) -> str:
    said = ast.get_docstring(node)
    if not said:
        sys.exit(f"{name} says no behaviour: give it a docstring of one sentence")
    return " ".join(said.split("\n\n")[0].split())


if __name__ == "__main__":
    main()
