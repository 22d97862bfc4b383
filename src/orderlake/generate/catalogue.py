"""What the shop sells: 2,000 products in 8 categories, a few of them much in demand."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Final, NamedTuple, TypeVar

from orderlake.generate.draw import stream


class Product(NamedTuple):
    """One product; `price` in cents, no text that needs escaping in JSON."""

    product_id: str
    name: str
    category: str
    brand: str
    price: int


T = TypeVar("T")

_PER_CATEGORY: Final = 250
SLOTS: Final = 1 << 16
# How flat the head of the popularity curve is: the best seller takes about 1% of the lines.
_HEAD: Final = 18

# Each brand with the price it asks, in percent of the usual one.
_BRANDS: Final = (
    ("Norrvik", 115), ("Aldermoor", 130), ("Känla", 78), ("Tidewell", 95), ("Óbidos", 108), ("Brightfell", 88),
    ("Hanami", 122), ("Corvane", 140), ("Zephyra", 99), ("Plainsong", 72), ("Müntzer", 126), ("Fjordlys", 112),
    ("Casa Lume", 92), ("Ridgeback", 104), ("Petit Cèdre", 134), ("Oakhurst", 84), ("Soléa", 118), ("Basis", 65),
)  # fmt: skip

# Each thing with its usual price in whole units.
_GOODS: Final[dict[str, str]] = {
    "Electronics": "Wireless Earbuds 69; Bluetooth Speaker 59; Phone Case 18; USB-C Charger 25; Power Bank 35; "
    "Webcam 65; Mechanical Keyboard 95; Wireless Mouse 29; Smart Plug 17; Tablet Stand 24; 27-inch Monitor 229; "
    "Noise-Cancelling Headphones 189; HDMI Cable 11; Smartwatch 159",
    "Home & Kitchen": "Cast Iron Skillet 45; Chef's Knife 55; Coffee Grinder 49; French Press 32; Cutting Board 22; "
    "Duvet Cover 59; Bath Towel Set 34; Storage Jar 12; Desk Lamp 42; Electric Kettle 44; Wool Throw 64; "
    "Dinner Plate Set 52; Espresso Machine 289; Linen Napkins 19",
    "Fashion": "Cotton T-Shirt 19; Merino Sweater 79; Slim Jeans 65; Linen Shirt 49; Rain Jacket 99; Wool Scarf 29; "
    "Leather Belt 35; Ankle Socks 9; Summer Dress 59; Canvas Sneakers 69; Chelsea Boots 139; Beanie 17; "
    "Tote Bag 24; Pyjama Set 45",
    "Beauty": "Hand Cream 12; Face Serum 34; Shampoo Bar 11; Lip Balm 6; Sunscreen SPF 50 22; Clay Mask 19; "
    "Eau de Parfum 75; Beard Oil 18; Bath Salts 14; Makeup Brush Set 38; Body Lotion 16; Nail Polish 9; "
    "Night Cream 42; Hair Dryer 79",
    "Sports & Outdoors": "Yoga Mat 35; Water Bottle 21; Running Belt 19; Trekking Poles 69; Camping Stove 54; "
    "Resistance Bands 16; Foam Roller 27; Head Torch 32; Daypack 25 L 75; Sleeping Bag 119; Jump Rope 12; "
    "Bike Lock 39; Two-Person Tent 199; Swim Goggles 18",
    "Books & Stationery": "Dotted Notebook 14; Fountain Pen 39; Weekly Planner 22; Cookbook 32; Travel Guide 20; "
    "Paperback Novel 12; Crossword Collection 9; Brush Pens 24; Desk Organiser 28; Greeting Cards 8; "
    "World Atlas 59; Watercolour Set 34; Sketchbook 15; Bookends 26",
    "Toys & Games": "Wooden Train Set 49; Jigsaw Puzzle 18; Card Game 13; Board Game 42; Plush Bear 22; "
    "Building Blocks 36; Marble Run 39; Kite 21; Science Kit 33; Doll's House 109; Balance Bike 89; "
    "Finger Paints 11; Yo-Yo 7; Story Dice 12",
    "Food & Drink": "Single-Origin Coffee 14; Green Tea 9; Olive Oil 16; Dark Chocolate 5; Acacia Honey 11; "
    "Sea Salt 6; Granola 7; Hot Sauce 8; Pasta Selection 18; Truffle Cream 19; Gift Hamper 79; Dried Mango 6; "
    "Balsamic Vinegar 21; Spice Box 29",
}


def catalogue(seed: int) -> list[Product]:
    """Give all products, P0001 first, in an order that the seed decides."""
    draw = stream(seed, "catalogue")
    found: list[tuple[str, str, str, int]] = []
    for category, goods in _GOODS.items():
        things = [thing.rsplit(" ", 1) for thing in goods.split("; ")]
        pairs = shuffled(list(product(_BRANDS, things)), draw)
        for (brand, percent), (thing, usual) in pairs[:_PER_CATEGORY]:
            found.append((f"{brand} {thing}", category, brand, _price(int(usual) * percent, draw())))
    return [Product(f"P{number:04d}", *each) for number, each in enumerate(shuffled(found, draw), 1)]


def demand(products: int) -> list[int]:
    """Give `SLOTS` product indices, each as often as it is bought: draw a slot evenly to draw a product.

    The n-th product's share falls as 1/n after a flat head (Zipf); every product is bought.
    """
    weights = [SLOTS * 1000 // (rank + _HEAD) for rank in range(products)]
    total, reached = sum(weights), 0
    slots: list[int] = []
    for index, weight in enumerate(weights):
        reached += weight
        slots.extend([index] * (SLOTS * reached // total - len(slots)))
    return slots


def shuffled(items: list[T], draw: Callable[[], float]) -> list[T]:
    """Give the items in an order made of `draw`; `random.shuffle` may differ between Pythons."""
    items = list(items)
    for last in range(len(items) - 1, 0, -1):
        other = int((last + 1) * draw())
        items[last], items[other] = items[other], items[last]
    return items


def _price(cents: int, chance: float) -> int:
    """Give a price as shops write them, within 12% of `cents`: ending in .99, .95, .90, .50 or .00."""
    endings = (99, 99, 99, 95, 95, 90, 50, 0)
    near = cents * (88 + int(24 * chance)) // 100
    return max(1, near // 100) * 100 + endings[near % len(endings)]
