#!/usr/bin/env python3
"""Writes http.md from the daemon's own description of itself.

    apinatord serve --sandbox &
    curl -s localhost:8787/openapi.json | deploy/docs/http_reference.py > deploy/docs/http.md
"""

import json
import sys

METHODS = ("get", "post", "put", "delete")
ALSO = "/apps/{app}"

HEAD = """# HTTP reference

Made from `/openapi.json` by [http_reference.py](http_reference.py); do not edit it by hand. A running daemon serves the
same description at `/openapi.json`, for tools that make clients.

{description}

`HEAD` is answered wherever `GET` is, and `OPTIONS` everywhere. How streams, ids and gaps work is in
[concepts](concepts.md), what each code means and what to do in [operations](../operations.md#problem-codes).

{contents}

Every operation can answer, besides what it lists: {common}.
"""


def cell(text):
    return " ".join(text.replace("|", "\\|").split())


def anchor(title):
    return "".join(c for c in title.lower() if c.isalnum() or c in " -_").replace(" ", "-")


class Reference:
    def __init__(self, document):
        self.document = document
        self.lines = []
        answers = [
            {(status, code) for status, answer in item[method]["responses"].items() for code in self.codes(answer)}
            for path, item in document["paths"].items() for method in METHODS if method in item
        ]  # fmt: skip
        self.common = set.intersection(*answers)

    def resolve(self, node):
        while "$ref" in node:
            target = self.document
            for name in node["$ref"].removeprefix("#/").split("/"):
                target = target[name]
            node = target
        return node

    def type(self, schema):
        """A schema in a few words."""
        if "$ref" in schema:
            name = schema["$ref"].rsplit("/", 1)[1]
            return f"[{name}](#{anchor(name + ' object')})" if self.is_shown(name) else self.type(self.resolve(schema))
        if "enum" in schema:
            return ", ".join(f"`{value}`" for value in schema["enum"])
        if "const" in schema:
            return f"`{schema['const']}`"
        if "anyOf" in schema:
            return " or ".join(self.type(part) for part in schema["anyOf"])
        if schema.get("type") == "array":
            return f"list of {self.type(schema.get('items', {}))}"
        kinds = schema.get("type", "any JSON")
        return " or ".join(kinds) if isinstance(kinds, list) else kinds

    def is_shown(self, name):
        return self.document["components"]["schemas"][name].get("type") == "object"

    def codes(self, response):
        """The problem codes that an answer can have."""
        response = self.resolve(response)
        found = []
        for media in response.get("content", {}).values():
            for part in media.get("schema", {}).get("allOf", []):
                found += part.get("properties", {}).get("code", {}).get("enum", [])
        return found

    def body(self, response):
        parts = []
        for media, content in response.get("content", {}).items():
            if not media.startswith("application/problem"):
                schema = content.get("x-item-schema") or content.get("schema", {})
                name = f" {self.type(schema)}" if "$ref" in schema else ""
                parts.append(f"`{media}`{name}")
        return "; ".join(parts)

    def operation(self, path, item, method):
        operation = item[method]
        self.lines += ["", f"### {method.upper()} {path}", "", operation["summary"], ""]
        both = [self.resolve(p) for p in item.get("parameters", []) + operation.get("parameters", [])]
        # The operation's own take the place of the path's.
        parameters = list({(parameter["name"], parameter["in"]): parameter for parameter in both}.values())
        if operation.get("security") == []:
            self.lines += ["Needs no token.", ""]
        if parameters:
            self.lines += ["| parameter | in | type | meaning |", "|---|---|---|---|"]
        for parameter in parameters:
            schema = self.resolve(parameter["schema"])
            kind = self.type(schema)
            if "default" in schema:
                kind += f", default `{schema['default']}`"
            elif "examples" in schema:
                kind += f", such as `{schema['examples'][0]}`"
            meaning = cell(parameter.get("description", ""))
            self.lines.append(f"| `{parameter['name']}` | {parameter['in']} | {cell(kind)} | {meaning} |")
        if parameters:
            self.lines.append("")
        if "requestBody" in operation:
            body = operation["requestBody"]
            content = body["content"]
            schema = content.get("application/json", {}).get("schema", {})
            name = f"{self.type(schema)}. " if "$ref" in schema else ""
            self.lines += [f"Body: {name}{body.get('description', '')}".rstrip(), ""]
        self.lines += ["| status | answer |", "|---|---|"]
        for status, reference in operation["responses"].items():
            response = self.resolve(reference)
            if codes := self.codes(response):
                said = [f"`{code}`" for code in codes if (status, code) not in self.common]
                # Where an answer of that status can also be no error.
                said += [body] if (body := self.body(response)) else []
                if not said:
                    continue
                text = ", ".join(said)
            else:
                text = response["description"]
                if body := self.body(response):
                    text += f" {body}"
            self.lines.append(f"| {status} | {cell(text)} |")

    def schema(self, name, schema):
        self.lines += ["", f"### {name} object", "", schema.get("description", ""), ""]
        self.lines += ["| member | type | |", "|---|---|---|"]
        required = schema.get("required", [])
        for member, value in schema["properties"].items():
            note = [] if member in required else ["may be missing"]
            if "description" in value:
                note.append(value["description"].rstrip("."))
            kind = self.type(value)
            if value.get("type") == "object" and "properties" in value:
                kind = "object: " + ", ".join(f"`{inner}`" for inner in value["properties"])
            elif value.get("type") == "array" and "properties" in value.get("items", {}):
                kind = "list of objects: " + ", ".join(f"`{inner}`" for inner in value["items"]["properties"])
            if member == "code" and name == "Problem":
                kind = "string; [what each means and what to do](../operations.md#problem-codes)"
            self.lines.append(f"| `{member}` | {cell(kind)} | {cell('; '.join(note))} |")
        if "examples" in schema:
            self.lines += ["", "```json", json.dumps(schema["examples"][0], ensure_ascii=False), "```"]

    def write(self):
        document = self.document
        for tag in document["tags"]:
            if tag["name"] == "options":
                continue
            self.lines += ["", f"## {tag['name'].capitalize()}", "", tag["description"]]
            for path, item in document["paths"].items():
                # Each path of an app exists twice, which is said once.
                if path.startswith(ALSO + "/"):
                    continue
                for method in METHODS:
                    if tag["name"] in item.get(method, {}).get("tags", []):
                        self.operation(path, item, method)
        self.lines += ["", "## Objects", "", "What is JSON in the answers and bodies above."]
        for name, schema in document["components"]["schemas"].items():
            if self.is_shown(name):
                self.schema(name, schema)
        titles = [line[3:] for line in self.lines if line.startswith("## ")]
        contents = " · ".join(f"[{title}](#{anchor(title)})" for title in titles)
        common = ", ".join(f"{status} `{code}`" for status, code in sorted(self.common))
        head = HEAD.format(description=document["info"]["description"], contents=contents, common=common)
        return head + "\n".join(self.lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(Reference(json.load(sys.stdin)).write())
