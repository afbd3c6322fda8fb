"""XML of foreign hands, parsed by lxml within bounds."""

from lxml import etree

MAX_NAMESPACE = 2000  # letters: lxml writes it out anew for each name within it, so that a long one costs its square


def parse_xml(body: bytes) -> "etree._Element | None":
    """The root of a document, however ill-formed; nothing outside of it is read.

    Raises:
        ValueError: it can't be parsed, or has a namespace of more than `MAX_NAMESPACE` letters.
    """
    parser = etree.XMLPullParser(("start-ns",), resolve_entities=False, no_network=True, load_dtd=False, recover=True)
    try:
        parser.feed(body)
        root = parser.close()
    except (etree.XMLSyntaxError, LookupError) as error:
        raise ValueError(str(error)) from error
    for _, (_, namespace) in parser.read_events():
        if len(namespace) > MAX_NAMESPACE:
            raise ValueError(f"it has a namespace of more than {MAX_NAMESPACE:,} letters")
    return root
