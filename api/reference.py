"""The reference of the interface for programs, drawn here from the OpenAPI document: no script from elsewhere."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse

from api.chat import problems
from api.dependencies import FromLine
from api.pages import Lang
from api.texts import interface_language

router = APIRouter(tags=["operation"])


@router.get("/docs", summary="This reference", response_class=HTMLResponse, responses=problems(400, 422, 500, page=True))
async def reference(request: Request, line: FromLine, lang: Lang = "fr") -> str:
    """Every route with its fields and refusals, from `/openapi.json`."""
    document = request.app.openapi()
    return line.templates.render("reference.html", interface_language(lang), routes=_routes(document), models=_models(document))


def _routes(document: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"method": method.upper(), "path": path, **operation, "fields": _parameters(operation)}
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
    ]


def _parameters(operation: dict[str, Any]) -> list[dict[str, Any]]:
    fields = [
        {"name": one["name"], "type": _kind(one["schema"]), "about": one.get("description", "")} for one in operation.get("parameters", [])
    ]
    for media, content in operation.get("requestBody", {}).get("content", {}).items():
        fields.append({"name": media, "type": _kind(content["schema"]), "about": ""})
    return fields


def _models(document: dict[str, Any]) -> list[dict[str, Any]]:
    schemas = document["components"]["schemas"]
    return [
        {
            "name": name,
            "about": schema.get("description", ""),
            "fields": [
                {"name": field, "type": _kind(shape), "about": shape.get("description", "")}
                for field, shape in schema.get("properties", {}).items()
            ],
        }
        for name, schema in sorted(schemas.items())
        if schema.get("properties")
    ]


def _kind(schema: dict[str, Any]) -> str:
    """The type of a field in a few words: "string", "list of SentenceView", "integer or null"."""
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if "anyOf" in schema:
        return " or ".join(_kind(one) for one in schema["anyOf"])
    if schema.get("type") == "array":
        return f"list of {_kind(schema['items'])}"
    if "enum" in schema:
        return " | ".join(str(value) for value in schema["enum"])
    return str(schema.get("const") or schema.get("type", "any"))
