"""What the flows in Python share: whom they are, what they import, and the token of the letter."""
import os
import pathlib
import re
import time

BASE, EMAIL = os.environ["ROWHOUSE_URL"], os.environ["ROWHOUSE_EMAIL"]
PASSWORD = "brass lamps and woollen rugs"
PRODUCTS = b"sku,name,price_minor\nLMP-1,Brass lamp,4900\nLMP-2,Oak lamp,5900\nRUG-1,Wool rug,19900\n"


def token_of_letter():
    """A letter appears in the terminal of `rowhouse dev` when it has left, which is after the answer."""
    for _ in range(100):
        letters = pathlib.Path(os.environ["ROWHOUSE_LETTERS"]).read_text()
        if found := re.search(rf"To: {re.escape(EMAIL)}.*?#token=(\S+)", letters, re.DOTALL):
            return found[1]
        time.sleep(0.1)
    raise TimeoutError(f"no letter to {EMAIL}")
