#!/usr/bin/env python3
"""Prints template.yaml for a function that is built already: `packaging/prebuilt.py ZIP [--publish OWNER/REPOSITORY]`.

It takes the function from ZIP, which must be named as packaging/function.py does, beside the template. What only the
AWS Serverless Application Repository reads stays with --publish alone: its files are not beside a downloaded template.
"""

import re
import sys

from project import ROOT


def replaced(pattern: str, by: str, text: str) -> str:
    """With one place replaced, which must be there."""
    text, count = re.subn(pattern, by, text, flags=re.M)
    if count != 1:
        raise SystemExit(f"template.yaml has {count} places like {pattern!r}, and there should be one")
    return text


def template(archive: str, architecture: str, repository: str | None) -> str:
    text = (ROOT / "template.yaml").read_text()
    text = replaced(r"^      CodeUri: \.$", f"      CodeUri: {archive}", text)
    text = replaced(r"^    Metadata:\n(?:      .*\n)+?        Binary: bootstrap\n", "", text)
    text = replaced(r"^    AllowedValues: \[arm64, x86_64\]\n    Default: arm64$",
                    f"    AllowedValues: [{architecture}]\n    Default: {architecture}", text)  # fmt: skip
    if repository is None:
        return replaced(r"^  AWS::ServerlessRepo::Application:\n(?:    .*\n)+\n", "", text)
    home = f"https://github.com/{repository}"
    return replaced(r"^(    LicenseUrl: .*\n)", rf"\1    HomePageUrl: {home}\n    SourceCodeUrl: {home}\n", text)


def main() -> None:
    zip_file, *rest = sys.argv[1:] or [""]
    found = re.fullmatch(r"(?:.*/)?(ecr-janitor-lambda-.*-(arm64|x86_64)\.zip)", zip_file)
    if not found or (rest and (len(rest) != 2 or rest[0] != "--publish")):
        raise SystemExit(__doc__)
    archive, repository = (zip_file, rest[1]) if rest else (found[1], None)
    print(template(archive, found[2], repository), end="")


if __name__ == "__main__":
    main()
