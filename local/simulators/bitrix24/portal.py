"""What a caller may learn of itself and the portal: scopes, people, the time, the app."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from local.simulators.bitrix24.entities import Json, User
    from local.simulators.bitrix24.rest import Call, Page, Rest


def routes(rest: Rest) -> None:
    """Add the methods."""
    rest.add("scope", "", lambda call: sorted(call.access.scopes))
    rest.add("server.time", "", lambda call: call.portal.iso(call.portal.clock.now()))
    rest.add("profile", "", _profile)
    rest.add("app.info", "", _app)
    rest.add("user.get", "user", _users)


def _about(user: User) -> Json:
    return {
        "ID": str(user.id),
        "ACTIVE": user.active,
        "NAME": user.name,
        "LAST_NAME": user.last_name,
        "USER_TYPE": "employee",
    }


def _profile(call: Call) -> Json:
    user = call.portal.users[call.access.user_id]
    return {"ID": str(user.id), "ADMIN": user.is_admin, "NAME": user.name, "LAST_NAME": user.last_name}


def _users(call: Call) -> Page:
    wanted = call.group("FILTER") or call.group("filter")
    rows = [_about(each) for each in call.portal.people()]
    active = wanted.get("ACTIVE")
    if active is not None:
        rows = [row for row in rows if row["ACTIVE"] == (str(active).lower() in {"true", "1", "y"})]
    return call.page(rows)


def _app(call: Call) -> Json:
    return {"CODE": call.access.client_id, "STATUS": "L", "INSTALLED": True, "SCOPE": sorted(call.access.scopes)}
