"""The table: what an origin does, and the code and retry in which the job has to end (docs/reference/codes.md)."""

from __future__ import annotations

import gzip
from dataclasses import replace

from tests.support.hostile import behaviours as does
from tests.support.hostile.behaviours import (
    CHUNKED,
    UNFRAMED,
    V1,
    chunk,
    cut_under,
    for_ever,
    leads_to,
    length,
    page,
    rest_of,
    says,
    says_of_medium,
    says_of_track,
    sends,
)
from tests.support.hostile.scene import Hostility, a_key, its_md5, its_sha256, its_size
from tonearm.errors import FailureCode

LIMIT_BYTES = 2_000_000
"""The largest file that the server under test may take."""

NETWORK, TIMEOUT, BLOCKED = FailureCode.NETWORK, FailureCode.TIMEOUT, FailureCode.BLOCKED_ADDRESS
INTEGRITY, TOO_LARGE, API_ERROR = FailureCode.INTEGRITY, FailureCode.TOO_LARGE, FailureCode.API_ERROR
SERVER_ERROR, RATE_LIMIT = FailureCode.SERVER_ERROR, FailureCode.RATE_LIMIT
NOT_FOUND, AUTH = FailureCode.NOT_FOUND, FailureCode.AUTH

NOW = "Sun, 23 Nov 2025 12:00:00 GMT"
OK = b"HTTP/1.1 200 OK\r\n"

CUT = [
    Hostility("cut at a random byte", cut_under({}), NETWORK, retried=True),
    Hostility(
        "cut at a random byte of a chunk",
        sends(lambda scene: CHUNKED + chunk(scene.song)[: scene.somewhere()]),
        NETWORK,
        retried=True,
    ),
    Hostility(
        "cut between two chunks",
        sends(lambda scene: CHUNKED + chunk(does.beginning(scene))),
        NETWORK,
        retried=True,
    ),
    Hostility("cut in TLS without close_notify", does.cut_without_farewell, NETWORK, retried=True, encrypted=True),
    Hostility(
        "cut in TLS without close_notify or length",
        does.unframed_cut_without_farewell,
        INTEGRITY,
        retried=True,
        encrypted=True,
    ),
    Hostility(
        "cut without a length, which the catalog knows",
        sends(lambda scene: UNFRAMED + does.beginning(scene)),
        NETWORK,
        retried=True,
        promised=its_size,
    ),
    Hostility(
        "cut without a length that anybody knows",
        sends(lambda scene: UNFRAMED + does.beginning(scene)),
        INTEGRITY,
        retried=True,
    ),
    Hostility("cut under a weak tag", cut_under({"ETag": 'W/"v1"'}), NETWORK, retried=True),
    Hostility(
        "cut under a date of the same second", cut_under({"Last-Modified": NOW, "Date": NOW}), NETWORK, retried=True
    ),
    Hostility("reset in the middle", does.reset_in_the_middle, NETWORK, retried=True),
    Hostility("reset before the answer", does.reset_at_once, NETWORK, retried=True),
    Hostility("closed before the answer", sends(b""), NETWORK, retried=True),
    Hostility("closed amid the headers", sends(OK + b"Content-Le"), NETWORK, retried=True),
    Hostility("silent before the headers", does.silence, TIMEOUT, retried=True),
    Hostility("silent in the middle", does.silence_in_the_middle, TIMEOUT, retried=True),
    Hostility("headers byte by byte", for_ever(OK + b"X: ", b"x", 0.02), TIMEOUT, retried=True),
    Hostility("body byte by byte", for_ever(length(100_000), b"x", 0.02), TIMEOUT),
]

WRONG_LENGTH = [
    Hostility("longer than announced, at once", does.longer_at_once, INTEGRITY, retried=True),
    Hostility("longer than announced, later", does.longer_later, INTEGRITY, retried=True),
    Hostility(
        "longer than announced, at once, and the catalog knows",
        does.longer_at_once,
        INTEGRITY,
        retried=True,
        promised=its_size,
    ),
    Hostility(
        "longer than announced, later, and the catalog knows",
        does.longer_later,
        INTEGRITY,
        retried=True,
        promised=its_size,
    ),
    Hostility(
        "shorter than the catalog says",
        page(lambda scene: scene.song[:-1]),
        INTEGRITY,
        retried=True,
        promised=its_size,
    ),
    Hostility(
        "shorter than the catalog says, in chunks",
        sends(lambda scene: CHUNKED + chunk(scene.song[:-1]) + b"0\r\n\r\n"),
        INTEGRITY,
        retried=True,
        promised=its_size,
    ),
    Hostility(
        "longer than the catalog says, in chunks",
        sends(lambda scene: CHUNKED + chunk(scene.song + b"!") + b"0\r\n\r\n"),
        INTEGRITY,
        retried=True,
        promised=its_size,
    ),
    Hostility("zero bytes", page(b""), INTEGRITY, retried=True),
    Hostility("zero bytes in chunks", sends(CHUNKED + b"0\r\n\r\n"), INTEGRITY, retried=True),
    Hostility("chunks without end", for_ever(CHUNKED, chunk(bytes(65_536))), TOO_LARGE),
    Hostility("neither length nor end", for_ever(UNFRAMED, bytes(65_536)), TOO_LARGE),
    Hostility("more announced than is allowed", sends(length(LIMIT_BYTES + 1)), TOO_LARGE),
    Hostility("chunk extensions without end", for_ever(CHUNKED + b"5;", b"x" * 1_000, 0.02), TIMEOUT),
    Hostility("a flood of trailers", for_ever(CHUNKED + chunk(b"fLaC") + b"0\r\n", b"X: y\r\n" * 1_000), API_ERROR),
]

NO_MUSIC = [
    Hostility("an HTML page as flac", page(b"<!doctype html><h1>Sign in</h1>"), INTEGRITY, retried=True),
    Hostility("a JSON error with 200", page(b'{"error": "quota"}', "application/json"), INTEGRITY, retried=True),
    Hostility("an XML error with 200", page(b'<?xml version="1.0"?><Error/>', "text/xml"), INTEGRITY, retried=True),
    Hostility("a ZIP archive as flac", page(b"PK\x03\x04" + bytes(5_000)), INTEGRITY, retried=True),
    Hostility("zeros as flac", page(does.overwritten), INTEGRITY, retried=True),
    Hostility(
        "a preview of a longer track",
        page(lambda scene: scene.preview),
        INTEGRITY,
        retried=True,
        facts={"durationSeconds": 200},
    ),
    Hostility("another file, by its sha256", page(lambda scene: scene.preview), INTEGRITY, True, promised=its_sha256),
    Hostility("another file, by its md5", page(lambda scene: scene.preview), INTEGRITY, True, promised=its_md5),
    Hostility("a flipped bit, by its sha256", page(does.flipped), INTEGRITY, True, promised=its_sha256),
    Hostility(
        "gzip that was not asked for",
        page(lambda scene: gzip.compress(scene.song), Content_Encoding="gzip"),
        INTEGRITY,
        retried=True,
    ),
]

RANGES = [
    Hostility("206 to no range", page(does.whole, status=206), API_ERROR),
    Hostility("416 to no range", page(b"", status=416), API_ERROR),
    Hostility("a rest of another range", cut_under(V1, does.another_range), NETWORK, retried=True),
    Hostility("a rest in pieces of ranges", cut_under(V1, does.pieces_of_ranges), NETWORK, retried=True),
    Hostility("416 to the rest", cut_under(V1, page(b"", status=416)), NETWORK, retried=True),
    Hostility("a rest under another tag", cut_under(V1, rest_of(does.whole, '"v2"')), NETWORK, retried=True),
    Hostility("a rest of a file that has grown", cut_under(V1, rest_of(does.grown)), NETWORK, retried=True),
    Hostility(
        "a rest of another file under the same tag",
        cut_under(V1, rest_of(does.overwritten)),
        INTEGRITY,
        retried=True,
        promised=its_sha256,
    ),
]

REDIRECTS = [
    Hostility("a circle of redirects", does.in_a_circle, API_ERROR),
    Hostility("a redirect to nowhere", page(b"", status=302), API_ERROR),
    Hostility("a redirect to another port of this machine", leads_to(lambda scene: scene.elsewhere), BLOCKED),
    Hostility("a redirect to the metadata of a cloud", leads_to("http://169.254.169.254/latest/"), BLOCKED),
    Hostility("a redirect to ::1", leads_to("http://[::1]/"), BLOCKED),
    Hostility("a redirect to a mapped address", leads_to("http://[::ffff:127.0.0.1]/"), BLOCKED),
    Hostility("a redirect to file:", leads_to("file:///etc/passwd"), API_ERROR),
    Hostility("a redirect to ftp:", leads_to("ftp://127.0.0.1/song.flac"), API_ERROR),
    Hostility("a redirect to data:", leads_to("data:audio/flac;base64,ZkxhQw=="), API_ERROR),
    Hostility("a redirect with a password", leads_to("http://me:secret@127.0.0.1/"), API_ERROR),
    Hostility("a redirect with a flood to a page", does.redirect_with_a_flood, INTEGRITY, retried=True),
    Hostility("a redirect from https to http with a key", does.down_to_plain, AUTH, promised=a_key, encrypted=True),
]

STATUSES = [
    Hostility("500 with the song", page(does.whole, status=500), SERVER_ERROR, retried=True),
    Hostility("404 with the song", page(does.whole, status=404), NOT_FOUND),
    Hostility("403 with the song", page(does.whole, status=403), AUTH),
    Hostility("429 for a year", page(b"", status=429, Retry_After="31536000"), RATE_LIMIT, retried=True),
    Hostility("204", sends(b"HTTP/1.1 204 No Content\r\n\r\n"), API_ERROR),
    Hostility("304", sends(b'HTTP/1.1 304 Not Modified\r\nETag: "v1"\r\n\r\n'), API_ERROR),
    Hostility("799", page(does.whole, status=799), API_ERROR),
    Hostility(
        "101 to another protocol",
        sends(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: music\r\nConnection: upgrade\r\n\r\nfLaC"),
        API_ERROR,
    ),
    Hostility("100 for ever", for_ever(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 100, 0.002), TIMEOUT, retried=True),
]

NOT_HTTP = [
    Hostility("garbage", sends(bytes(range(256)) * 20), API_ERROR),
    Hostility("another protocol", sends(b"SSH-2.0-OpenSSH_9.2\r\n"), API_ERROR),
    Hostility("HTTP/0.9", sends(does.whole), API_ERROR),
    Hostility("a negative length", sends(length(-1)), API_ERROR),
    Hostility("a length in words", sends(length("much")), API_ERROR),
    Hostility("a length beyond all numbers", sends(length(10**30)), API_ERROR),
    Hostility("two lengths", sends(lambda scene: length(5, {"content-length": "6"}) + scene.song), API_ERROR),
    Hostility("length and chunks", sends(length(9, {"Transfer-Encoding": "chunked"}) + chunk(b"fLaC")), API_ERROR),
    Hostility("a chunk of no length", sends(CHUNKED + b"much\r\nfLaC\r\n"), API_ERROR),
    Hostility("a chunk of no length, later", does.broken_chunk_later, API_ERROR),
    Hostility("a chunk beyond all numbers", sends(CHUNKED + b"f" * 30 + b"\r\nfLaC\r\n"), API_ERROR),
    Hostility("a header with a zero", sends(OK + b"X: a\0b\r\n\r\n"), API_ERROR),
    Hostility("a flood of headers", sends(OK + b"".join(b"X-%d: y\r\n" % i for i in range(50_000))), API_ERROR),
    Hostility("headers without end", for_ever(OK, b"X: y\r\n" * 1_000), API_ERROR),
    Hostility("one huge header", for_ever(OK + b"X: ", b"x" * 65_536), API_ERROR),
]

CATALOGS = [
    Hostility("a bomb", page(lambda _: does.bomb(), "application/json", Content_Encoding="gzip"), API_ERROR),
    Hostility("10 MiB of JSON", page(b'{"pad": "' + b"x" * (10 << 20) + b'"}', "application/json"), API_ERROR),
    Hostility("JSON without end", for_ever(CHUNKED, chunk(b" " * 65_536)), API_ERROR),
    Hostility("deep JSON", page(b'{"a":' * 50_000 + b"1" + b"}" * 50_000, "application/json"), API_ERROR),
    Hostility("half of the JSON", page(b'{"id": 1, "title": "On', "application/json"), API_ERROR),
    Hostility("an HTML page", page(b"<!doctype html><h1>Sign in</h1>", "text/html"), API_ERROR),
    Hostility("an array", says([]), API_ERROR),
    Hostility("a title that is a number", says_of_track(title=7), API_ERROR),
    Hostility("an id that is a text", says_of_track(id="1"), API_ERROR),
    Hostility("another track", says_of_track(id=2_000_000_000), API_ERROR),
    Hostility("no medium", says_of_track(media=None), API_ERROR),
    Hostility("a medium at file:", says_of_medium(url="file:///etc/passwd"), API_ERROR),
    Hostility("a medium with a password", says_of_medium(url="http://me:secret@127.0.0.1/"), API_ERROR),
    Hostility("a checksum of no kind", says_of_medium(checksum="crc32:00000000"), API_ERROR),
    Hostility("a header that breaks out", says_of_medium(headers={"X-Key": "a\r\nHost: b"}), API_ERROR),
    Hostility("a medium in the metadata of a cloud", says_of_medium(url="http://169.254.169.254/"), BLOCKED),
    Hostility("a redirect to another port of this machine", leads_to(lambda scene: scene.elsewhere), BLOCKED),
    Hostility("a circle of redirects", does.in_a_circle, API_ERROR),
    Hostility("a reset", does.reset_at_once, NETWORK, retried=True),
    Hostility("silence", does.silence, TIMEOUT, retried=True),
    Hostility("JSON byte by byte", for_ever(length(100_000), b" ", 0.02), TIMEOUT),
    Hostility("garbage", sends(bytes(range(256)) * 20), API_ERROR),
    Hostility("204", sends(b"HTTP/1.1 204 No Content\r\n\r\n"), API_ERROR),
]

HOSTILITIES = [
    *(*CUT, *WRONG_LENGTH, *NO_MUSIC, *RANGES, *REDIRECTS, *STATUSES, *NOT_HTTP),
    *(replace(row, name=f"a catalog with {row.name}", by_catalog=True) for row in CATALOGS),
]
"""Every row, by a name of its own."""

HARMLESS = {
    "a song that calls itself a page": page(does.whole, "text/html"),
    "bytes beyond the song, at once": sends(lambda scene: length(len(scene.song)) + scene.song + b"and more"),
    "bytes beyond the last chunk": sends(lambda scene: CHUNKED + chunk(scene.song) + b"0\r\n\r\nand more"),
    "hints before the answer": sends(
        lambda scene: b"HTTP/1.1 103 Early Hints\r\nLink: </>\r\n\r\n" + length(len(scene.song)) + scene.song
    ),
    "chunks of a few bytes": sends(
        lambda scene: CHUNKED + b"".join(chunk(piece) for piece in does.crumbs(scene.song)) + b"0\r\n\r\n"
    ),
    "a song that ends with its connection": sends(lambda scene: UNFRAMED + scene.song),
}
"""What looks odd and is no reason to refuse the song."""
