"""The documentation of bodies that their routes read themselves."""

from typing import Any

from pydantic import BaseModel


def body_of(model: type[BaseModel], *, ndjson: bool = False) -> dict[str, Any]:
    """OpenAPI's word for a JSON body; the application adds the model's schema."""
    content: dict[str, Any] = {"application/json": {"schema": {"$ref": f"#/components/schemas/{model.__name__}"}}}
    if ndjson:
        content["application/x-ndjson"] = {"schema": {"type": "string"}}
    return {"requestBody": {"required": True, "content": content}}
