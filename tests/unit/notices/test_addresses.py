"""Addresses: what is kept of a URL, and what is shown."""

from __future__ import annotations

from tonearm.notices import addresses_of, services_of


def test_of_an_address_no_more_is_shown_than_where_it_leads() -> None:
    """Path, query and credentials are secrets; credentials are sent in a header."""
    (address,) = addresses_of(["https://ann:s%C3%BC%20t@hooks.example:8443/T0/B1/secret?token=x"])

    assert address.shown == "https://hooks.example:8443"
    assert address.url == "https://hooks.example:8443/T0/B1/secret?token=x"
    assert address.headers == {"Authorization": "Basic YW5uOnPDvCB0"}
    assert not any(secret in repr(address) for secret in ("ann", "T0", "token", "YW5u"))


def test_each_address_has_a_name_of_its_own_that_stays() -> None:
    """Also after a restart, since deliveries wait by it; the same URL twice is one address."""
    urls = ["https://a.example/1", "https://a.example/2", "https://u:p@a.example/1", "https://a.example/1"]
    addresses = addresses_of(urls)

    assert len({address.target for address in addresses}) == len(addresses) == 3
    assert addresses_of(reversed(urls[:3])) == addresses[::-1]
    assert addresses[0].headers == {}


def test_of_a_service_its_scheme_is_shown_and_it_is_never_taken_for_a_webhook() -> None:
    """Where a host would stand there is often a token; what waits for one of them must not go to the other."""
    urls = ["tgram://123:T0ken/42", "https://a.example/1", "tgram://123:T0ken/42"]
    telegram, web = services_of(urls)

    assert (telegram.shown, web.shown) == ("tgram://***", "https://***")
    assert "T0ken" not in repr(telegram)
    assert web.target != addresses_of(urls[1:2])[0].target
    assert (telegram.target, services_of(urls[:1])) == (services_of(urls)[0].target, (telegram,))
