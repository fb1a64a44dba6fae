"""The custom channel's OpenAPI document, held against the code."""
