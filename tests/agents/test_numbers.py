import pytest

from shoal.agents.numbers import read_number


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("$12,500", 12500),
        ("12.5k", 12500),
        ("12,5k", 12500),
        ("twelve thousand", 12000),
        ("two and a half thousand", 2500),
        ("1 200,50", 1200.5),
        ("1\u202f200,50", 1200.5),
        ("USD 3,000.00", 3000),
        ("€4.000", 4000),
        ("4.000,00 €", 4000),
        ("5 grand", 5000),
        ("1.2 million", 1_200_000),
        ("1.125 million", 1_125_000),
        ("a couple of hundred", 200),
        ("a couple thousand dollars", 2000),
        ("£750", 750),
        ("12,500 dollars", 12500),
        ("ten k", 10000),
        ("1500 bucks", 1500),
        ("US$ 1,000", 1000),
        ("3000usd", 3000),
        ("eur 500", 500),
        ("$3,000.-", 3000),
        ("5000/-", 5000),
        ("1'500", 1500),
        ("twelve thousand five hundred", 12500),
        ("12 thousand five hundred", 12500),
        ("twenty-five hundred", 2500),
        ("15 hundred", 1500),
        ("a hundred and fifty", 150),
        ("half a million", 500_000),
        ("a million and a half", 1_500_000),
        ("three and a half grand", 3500),
        ("one point five million", 1_500_000),
        ("one point two five million", 1_250_000),
        ("1.234.567,89", 1_234_567.89),
        ("2 000 000", 2_000_000),
        ("10 lakh", 1_000_000),
        ("1,20,000", 120_000),
        ("12 dollars and 50 cents", 12.5),
        ("0.5", 0.5),
        ("12,50", 12.5),
        ("219.99", 219.99),
        ("-500", -500),
        ("minus 500", -500),
        ("about 5k", 5000),
        ("an extra 2,000", 2000),
        ("up to 15k", 15000),
        ("a total of $9,000", 9000),
        ("Five Thousand", 5000),
        ("(7,500)", 7500),
        ("$7,500,", 7500),
        ("a grand", 1000),
        ("a dozen", 12),
        ("fourty thousand", 40000),
        ("one hundred twenty three thousand four hundred fifty six", 123_456),
        ("500 quid", 500),
        ("six thousand", 6000),
    ],
)
def test_one_number_however_it_is_written(text: str, number: float) -> None:
    assert read_number(text) == number


@pytest.mark.parametrize(
    "text",
    [
        "",
        "$",
        "the",
        "K",
        "2-3k",
        "4k-5k",
        "2 to 3 thousand",
        "between 2 and 3k",
        "5000 - 7000",
        "20 to 5",
        "50%",
        "20 percent",
        "a few hundred",
        "several thousand",
        "six figures",
        "12th",
        "2k5",
        "5kk",
        "five k or six k",
        "5 thousand thousand",
        "seven-fifty",
        "3 1/2 k",
        "ending 4321 and 5",
        "½ million",
    ],
)
def test_what_is_not_one_number_is_none(text: str) -> None:
    assert read_number(text) is None


@pytest.mark.parametrize(
    ("text", "number"), [("1.500", 1500), ("1,500", 1500), ("1.50", 1.5), ("1,5", 1.5), ("0.500", 0.5)]
)
def test_a_lone_separator_means_thousands_only_before_exactly_three_digits(text: str, number: float) -> None:
    assert read_number(text) == number
