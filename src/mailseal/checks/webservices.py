"""Pages by which hosting services say that a name leads to them and nobody there has claimed it."""

MAX_LOOKED_AT_BYTES = 16_384  # ours: those pages have one to ten kilobytes

# A sentence of the page, in lower case, and the service. Each lets any customer claim a name, and
# then also get a certificate for it.
_PAGES = (
    (b"there isn't a github pages site here", "GitHub Pages"),
    (b"<code>nosuchbucket</code>", "Amazon S3"),
    (b"herokucdn.com/error-pages/no-such-app", "Heroku"),
    (b"404 web site not found", "Azure App Service"),
    (b"fastly error: unknown domain", "Fastly"),
    (b"deployment_not_found", "Vercel"),
    (b"not found - request id:", "Netlify"),
    (b"the gods are wise, but do not know of the site", "Pantheon"),
    (b"sorry, this shop is currently unavailable", "Shopify"),
)


def abandoned_at(body: bytes) -> str | None:
    """Return the service whose page for a name without an owner this is."""
    text = body[:MAX_LOOKED_AT_BYTES].lower().replace(b"&#39;", b"'").replace(b"\xe2\x80\x99", b"'")
    return next((service for sentence, service in _PAGES if sentence in text), None)
