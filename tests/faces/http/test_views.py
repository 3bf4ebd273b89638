"""Over HTTP, a zone with resolvers of its own."""

from tests.faces.http.conftest import Face


async def test_a_zone_with_resolvers_of_its_own_is_answered_by_what_they_see(face: Face) -> None:
    """Whoever names no zone is answered by those of the whole service."""
    assert face.world.inside is not None
    face.world.inside.mx("example.com", (10, "mx.inside.example"))
    face.world.inside.a("mx.inside.example", "192.0.2.26")

    inside = (await face.get("/v1/policy/example.com?zone=inside")).json()
    outside = (await face.get("/v1/policy/example.com")).json()

    assert [one["host"] for one in inside["exchange"]["hosts"]] == ["mx.inside.example"]
    assert [one["host"] for one in outside["exchange"]["hosts"]] == ["mx.example.com"]
