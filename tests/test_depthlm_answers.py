"""What models write is read for the one number asked for, and never taken for more than it says."""

import random
import time

import pytest

from mfh.estimators.depthlm.answers import Answer, CutText, parse_answer, reasoning_begun

FOOT, INCH = 0.3048, 0.0254

VALUES_M = [
    # As DepthLM answers.
    ("<think> The point is around 2.34 meters away. </think> <answer> 2.34 </answer>", 2.34),
    ("<answer>2.34</answer>", 2.34),
    ("<ANSWER>\n2.34\n</ANSWER>", 2.34),
    ("< answer > 2.34 < / answer >", 2.34),
    ("<answer> 2.34", 2.34),
    ("<answer> 2.34 <answer>", 2.34),
    ("<answer>2.34 m</answer><|im_end|>", 2.34),
    ("I put it between <answer> and </answer>: <answer>2.3</answer>", 2.3),
    ("<answer>2</answer> No, wait. <answer>3.5</answer>", 3.5),
    ("<think>It is 4 m or 5 m.</think> 3.1 m", 3.1),
    ("It is 4 m or 5 m.</think> 3.1 m", 3.1),
    ("<think><answer>3.1</answer></think>", 3.1),
    # Other tags of reasoning, of which the last one that closes counts.
    ("<think>It is 4 m.</think> No, 5 m. </think> 3.1", 3.1),
    ("<thinking>5 m</thinking> 3.4", 3.4),
    ("5 m\n</thinking>\n3.4", 3.4),
    ("<reasoning>\n5 m\n</reasoning>\n3.4", 3.4),
    ("<Thought>5 m</Thought> 3.4", 3.4),
    ("[THINK]5 m[/THINK] 3.4", 3.4),
    ("\N{WHITE LEFT-POINTING TRIANGLE}think\N{WHITE RIGHT-POINTING TRIANGLE}5 m"
     "\N{WHITE LEFT-POINTING TRIANGLE}/think\N{WHITE RIGHT-POINTING TRIANGLE} 3.4", 3.4),
    # Numbers alone.
    ("2.34", 2.34),
    (" 2.34.\n", 2.34),
    (".5", 0.5),
    ("7", 7.0),
    ("The distance is approximately 2.34.", 2.34),
    ("2.34</s>", 2.34),
    ("About 3 away from the camera.", 3.0),
    ("2.34. So the final answer: 2.34", 2.34),
    ('{"answer": "2.34"}', 2.34),
    ("{'distance': '2.34'}", 2.34),
    ('```json\n{"distance_m": 2.34}\n```', 2.34),
    # Units.
    ("2.34m", 2.34),
    ("2.34 M", 2.34),
    ("2.34 metres", 2.34),
    ("2.34-meter distance", 2.34),
    ("2.34 in meters", 2.34),
    ("2.34 (meters)", 2.34),
    ("234 cm", 2.34),
    ("234 centimeters away", 2.34),
    ("23.4 dm", 2.34),
    ("2340mm", 2.34),
    ("0.5 km", 500.0),
    ("1.2 kilometres", 1200.0),
    ("6 ft", 6 * FOOT),
    ("6-foot", 6 * FOOT),
    ("6 feet", 6 * FOOT),
    ("72 inches", 72 * INCH),
    ("72 in", 72 * INCH),
    ("72 in.", 72 * INCH),
    ("72 in away", 72 * INCH),
    ('72"', 72 * INCH),
    ("3 yards", 3 * 0.9144),
    ("0.25 miles", 402.336),
    ("distance (cm): 234", 2.34),
    ("The distance in feet is 7.5", 7.5 * FOOT),
    ('{"distance_cm": 234}', 2.34),
    ("The point is 2.3 in front of the camera", 2.3),
    # Compounds.
    ("5'11\"", 5 * FOOT + 11 * INCH),
    ("5'11", 5 * FOOT + 11 * INCH),
    ("5\N{PRIME}11\N{DOUBLE PRIME}", 5 * FOOT + 11 * INCH),
    ("5\N{RIGHT SINGLE QUOTATION MARK}11\N{RIGHT DOUBLE QUOTATION MARK}", 5 * FOOT + 11 * INCH),
    ("5 ft 11 in", 5 * FOOT + 11 * INCH),
    ("5 feet, 11 inches", 5 * FOOT + 11 * INCH),
    ("5 feet and 11 inches", 5 * FOOT + 11 * INCH),
    ("5'", 5 * FOOT),
    ("2 m 40 cm", 2.4),
    ("2 metres and 40 centimetres", 2.4),
    ("1 km 200 m", 1200.0),
    ("2 metres 40", 2.4),
    ("7 ft. 8 in.", 7 * FOOT + 8 * INCH),
    ("5 ft. 6 in. away", 5 * FOOT + 6 * INCH),
    ("5 ft 6 in in front of the camera", 5 * FOOT + 6 * INCH),
    ('6 ft. 2"', 6 * FOOT + 2 * INCH),
    ("5 ft 6 1/2 in", 5 * FOOT + 6.5 * INCH),
    ("5'-11\"", 5 * FOOT + 11 * INCH),
    # The same length twice: that in metres counts, else a metric one.
    ("The point is roughly 10 feet (3 meters) away.", 3.0),
    ("It is about 1 m (3 ft) away.", 1.0),
    ("1 m (39 inches)", 1.0),
    ("1 m, 3 ft", 1.0),
    ("0.5 m (2 ft)", 0.5),
    ("1 ft (30 cm)", 0.3),
    ("1 mile (1.6 km)", 1600.0),
    ("6'2\" (1.88 m)", 1.88),
    ("<answer> 1 meter (3 feet) </answer>", 1.0),
    ("2 meters (7 feet)", 2.0),
    ("2 metres away (about 7 feet)", 2.0),
    ("7 feet (2 m)", 2.0),
    ("3 meters or 9 feet", 3.0),
    ("3 meters, or 9 feet", 3.0),
    ("3 meters, i.e. about 9 feet", 3.0),
    ("2 m / 7 ft", 2.0),
    ("338 cm, i.e. 3.4 m", 3.4),
    ("4 m (15 ft)", 4.0),
    ("2.0 m (8 ft)", 2.0),
    ("The chair is 3 m away and the point is 12 ft away", 12 * FOOT),
    # Separators.
    ("1,234 m", 1234.0),
    ("1,234.5 m", 1234.5),
    ("1.234,5 m", 1234.5),
    ("1 234 m", 1234.0),
    ("1\N{NARROW NO-BREAK SPACE}234,5 m", 1234.5),
    ("1'234 m", 1234.0),
    ("12,345 mm", 12.345),
    ("1.234.567 mm", 1234.567),
    ("1,234,567 mm", 1234.567),
    ("2,34 m", 2.34),
    ("2,3", 2.3),
    ("0,234 m", 0.234),
    ("2.345", 2.345),
    ("2.34e0 m", 2.34),
    ("2.34 x 10^2 cm", 2.34),
    ("2.34 \N{MULTIPLICATION SIGN} 10\N{SUPERSCRIPT TWO} cm", 2.34),
    # Hedges.
    ("about 2.5 m", 2.5),
    ("~2.5m", 2.5),
    ("\N{ALMOST EQUAL TO} 2.5 m", 2.5),
    ("approx. 2.5 m", 2.5),
    ("roughly 2.5 meters, give or take", 2.5),
    ("2.5 m, maybe half a metre more", 2.5),
    ("just over 2 m", 2.0),
    ("slightly less than 2 m", 2.0),
    ("I can't measure it exactly, but it is about 2.5 metres.", 2.5),
    ("I cannot determine the distance precisely. About 2.5 m.", 2.5),
    ("I cannot tell, but my guess is 2.5 m.", 2.5),
    ("About 2.5 m, but I cannot say exactly.", 2.5),
    # Words.
    ("two and a half metres", 2.5),
    ("two metres and a half", 2.5),
    ("2 and a half meters", 2.5),
    ("half a metre", 0.5),
    ("a quarter of a metre", 0.25),
    ("three quarters of a meter", 0.75),
    ("about a metre away", 1.0),
    ("one hundred and twenty-five metres", 125.0),
    ("two thousand three hundred metres", 2300.0),
    ("three point two five meters", 3.25),
    ("five feet eleven inches", 5 * FOOT + 11 * INCH),
    ("<answer>two</answer>", 2.0),
    ("This one is 2.5 m away.", 2.5),
    ("two-and-a-half meters", 2.5),
    ("two and one half meters", 2.5),
    ("six foot two", 6 * FOOT + 2 * INCH),
    ("1 and 1/2 meters", 1.5),
    ("2 1/2 metres", 2.5),
    ("1/4 of a meter", 0.25),
    ("<answer>2 1/2</answer>", 2.5),
    ("1/2 in", 0.5 * INCH),
    ('3/4"', 0.75 * INCH),
    ("two-thirds of a meter", 2 / 3),
    ("one and two-thirds meters", 5 / 3),
    ("2 thousand meters", 2000.0),
    ("3.4 hundred cm", 3.4),
    ("2\N{VULGAR FRACTION ONE HALF} m", 2.5),
    ("2 \N{VULGAR FRACTION ONE HALF} m", 2.5),
    # Several numbers.
    ("The chair is 2.1 m away, the wall 4.5 m, and the point is 3.2 m away.", 3.2),
    ("1. The chair is near.\n2. The point is 3.2", 3.2),
    ("The door is 2 m tall, so the point is 3.2 m away.", 3.2),
    ("The point is 3.2 m away and the door is 2 m tall.", 3.2),
    ("3.2 m, with an error of about 0.3 m", 3.2),
    ("The arrow at (320, 240) points at something 3.2 m away.", 3.2),
    ("3.2 m is the distance of the point at (320, 240).", 3.2),
    ("3.2 at (320, 240)", 3.2),
    ("3.2 at pixel 320, 240", 3.2),
    ("At x=320, y=240 the distance is 3.2", 3.2),
    ("3.2 m away in the image of 640x480", 3.2),
    ("The focal length is 1000 px, hence 3.2", 3.2),
    ("3.2 m, I am 90% sure", 3.2),
    ("GPT-5 would say 3.2", 3.2),
    ("In 3D the 2nd point is 3.2 m away", 3.2),
    ("The distance is 3.4 meters. This is based on the sofa at about 2 meters.", 3.4),
    ("The distance from the camera to the marked point is 3.4 m, as the sofa is at 2 m.", 3.4),
    ("The distance is about 3 m to the sofa. The point is 1 m behind it, hence 4 m.", 4.0),
    ("The distance is about 3 m to the sofa. The point is 1 m behind it. 4 m.", 4.0),
    ("The distance is 3 m. Wait, that is the sofa. It is 4 m.", 4.0),
    ("distance 3.4 m, height 1.2 m", 3.4),
    ("At a camera height of 4 to 5 m, 3.4 m", 3.4),
    ("3.4 m (camera height 1.5 m)", 3.4),
    ("3.4 m (camera height of 5 ft 6 in)", 3.4),
    ("3.4 m (the person is 5 ft 6 in tall)", 3.4),
    ("3.4 m (focal length 50 mm)", 3.4),
    ("3.4 m, judging from a 35 mm lens", 3.4),
    ("3.4 (confidence: 0.9)", 3.4),
    ("3.4 m, 3.4 m", 3.4),
    ("2.34 m (7.7 feet)", 2.34),
    ("2.34 m / 7.7 ft", 2.34),
    ("sqrt(2^2 + 3^2) = 3.61 m", 3.61),
    ("5.5 m - 2 m = 3.5 m", 3.5),
    ("6.4 / 2 = 3.2", 3.2),
    ("d = sqrt(2^2 + 3^2) \N{ALMOST EQUAL TO} 3.61", 3.61),
    ("3.2 m. Note that 1 meter is 3.28 feet.", 3.2),
    ("About 3.2 m, not 5 m.", 3.2),
    ('{"distance": 3.2, "confidence": 0.8}', 3.2),
    ('{"confidence": 0.8, "depth_m": 3.2}', 3.2),
    ('{"point_2d": [320, 240], "depth_m": 3.2}', 3.2),
    ('{"value": 320, "unit": "cm"}', 3.2),
    ("Depth \\(\\approx 2.34\\text{ m}\\)", 2.34),
    ("so $\\boxed{2.34\\,\\text{m}}$", 2.34),
    ("\\boxed{340} cm", 3.4),
    ("$\\boxed{340}\\text{ cm}$", 3.4),
    ("\\boxed{3.4} which is 11 ft", 3.4),
    ("\\frac12 m", 0.5),
    ("2\\frac{1}{2} m", 2.5),
    ("**2.34 m**", 2.34),
    ("*2.34 m*", 2.34),
    ("_2.34_", 2.34),
    # Other scripts' characters.
    ("\uff12\uff0e\uff13\uff14\uff4d", 2.34),
    ("\u0662\u066b\u0663\u0664 m", 2.34),
    ("234㎝", 2.34),
    ("2.34\N{NO-BREAK SPACE}m", 2.34),
]  # fmt: skip


@pytest.mark.parametrize(("text", "value_m"), VALUES_M)
def test_metres_are_read(text, value_m):
    answer = parse_answer(text, "m")
    assert answer.refused == ""
    assert answer.value == pytest.approx(value_m, rel=1e-6)
    assert answer.text == text


@pytest.mark.parametrize(
    ("text", "unit", "value"),
    [
        (
            "The point is around 7.23 meters away. Hence, the speed should be around 7.23 / 4.0 = "
            "1.81m/s",
            "m/s",
            1.81,
        ),
        (
            "The point is around 48.28 meters away. Hence, we need around 48.28 / 6.0 = 8.05s",
            "s",
            8.05,
        ),
        ("7.23 m / 4.0 s = 1.81 m/s", "m/s", 1.81),
        ("7.23 meters / 4 = 1.81", "m/s", 1.81),
        ("7.23 / 4.0 = 1.81\\text{m/s}", "m/s", 1.81),
        ("1.8", "m/s", 1.8),
        ("1.8 meters per second", "m/s", 1.8),
        ("1.8 m / s", "m/s", 1.8),
        ("1.8 m s\N{SUPERSCRIPT MINUS}\N{SUPERSCRIPT ONE}", "m/s", 1.8),
        ("1.8 m\N{MIDDLE DOT}s^-1", "m/s", 1.8),
        ("1.8 mps", "m/s", 1.8),
        ("36 km/h", "m/s", 10.0),
        ("36 kilometres per hour", "m/s", 10.0),
        ("36 kph", "m/s", 10.0),
        ("10 mph", "m/s", 4.4704),
        ("10 miles an hour", "m/s", 4.4704),
        ("6 ft/s", "m/s", 6 * FOOT),
        ("6 feet per second", "m/s", 6 * FOOT),
        ("90 cm/s", "m/s", 0.9),
        ("60 m/min", "m/s", 1.0),
        ("10 knots", "m/s", 5.14444),
        ("between 1 and 4 m/s", "m/s", 2.0),
        ("8 s", "s", 8.0),
        ("8 seconds", "s", 8.0),
        ("8.05 in seconds", "s", 8.05),
        ("800 ms", "s", 0.8),
        ("2 minutes", "s", 120.0),
        ("1 min 30 s", "s", 90.0),
        ("2m 30s", "s", 150.0),
        ("1 hour and 10 minutes", "s", 4200.0),
        ("two and a half minutes", "s", 150.0),
    ],
)
def test_speeds_and_times_are_read(text, unit, value):
    answer = parse_answer(text, unit)
    assert answer.refused == ""
    assert answer.value == pytest.approx(value, rel=1e-5)


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("1.5 to 2", 1.5, 2),
        ("1.5 to 2 m", 1.5, 2),
        ("2-3 m", 2, 3),
        ("2 m - 3 m", 2, 3),
        ("2m-3m", 2, 3),
        ("2\N{EN DASH}3 metres", 2, 3),
        ("2 ~ 3 m", 2, 3),
        ("between 2 and 3 m", 2, 3),
        ("between about 2 m and roughly 3 m", 2, 3),
        ("from 3 to 2 m", 2, 3),
        ("2 or 3 meters", 2, 3),
        ("80 cm to 1.2 m", 0.8, 1.2),
        ("two to three metres", 2, 3),
        ("between two and three metres", 2, 3),
        ("6-8 ft", 6 * FOOT, 8 * FOOT),
        ("2-3 m (6.6-9.8 ft)", 2, 3),
        ("<answer>2 - 3</answer>", 2, 3),
        ("2 m \N{HORIZONTAL ELLIPSIS} 3 m", 2, 3),
        ("1,000 to 4,000 mm", 1, 4),
        ("between 40 cm and 2 m", 0.4, 2),
        ("between 2 m and 40 cm", 0.4, 2),
        ("more than 2 m and less than 3 m", 2, 3),
        ("2 m < d < 3 m", 2, 3),
        ("2 < d < 3", 2, 3),
        ("at least 2 m and at most 2 m", 2, 2),
    ],
)
def test_ranges_have_their_geometric_middle(text, low, high):
    answer = parse_answer(text, "m")
    assert answer.refused == ""
    assert (answer.low, answer.high) == pytest.approx((low, high))
    assert answer.value == pytest.approx((low * high) ** 0.5)


@pytest.mark.parametrize(
    "text",
    [
        "2.5 ± 0.5 m",
        "2.5 m +/- 50 cm",
        "2.5 m plus or minus 0.5 m",
        "$2.5 \\pm 0.5$ m",
        "2.5m, ±0.5m",
        "2.5 m (±0.5 m)",
        "2.5 m, plus or minus 50 cm",
        "2.5 m, give or take about 50 cm",
        "2.5 m, accurate to 0.5 m",
    ],
)
def test_tolerances_are_ranges_round_their_value(text):
    answer = parse_answer(text, "m")
    assert (answer.value, answer.low, answer.high) == pytest.approx((2.5, 2, 3))


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("more than 5 m", 5, None),
        ("over 5 meters", 5, None),
        ("at least 5 m", 5, None),
        ("> 5 m", 5, None),
        ("10+ m", 10, None),
        ("5 m or more", 5, None),
        ("not less than 5 m", 5, None),
        ("greater than or equal to 5 m", 5, None),
        ("upwards of 5 m", 5, None),
        ("in excess of 5 m", 5, None),
        ("5 m minimum", 5, None),
        ("5 m at least", 5, None),
        ("3m+", 3, None),
        ("more than 10 feet (3 m)", 3, None),
        ("as much as 5 m", None, 5),
        ("5 m at most", None, 5),
        ("5 m max", None, 5),
        ("less than 2 m", None, 2),
        ("within 2 m", None, 2),
        ("up to about 2 m", None, 2),
        ("no more than 2 m", None, 2),
        ("<answer>< 0.5</answer>", None, 0.5),
    ],
)
def test_a_bound_is_no_value(text, low, high):
    answer = parse_answer(text, "m")
    assert answer == Answer(None, low, high, "it states a bound and no value", text)


def test_a_value_is_taken_before_a_bound():
    assert parse_answer("It is 2.5 m away, certainly less than 3 m.", "m").value == 2.5
    assert parse_answer("It is 2.5 m away, so 260 cm at most.", "m").value == 2.5


DECLINED = "the model declines to say"
REFUSED = [
    ("", "no number"),
    (" \n ", "no number"),
    ("<answer></answer>", "<answer> is empty"),
    ("<answer> </answer>", "<answer> is empty"),
    ("<think> 2.3 m </think> <answer></answer>", "<answer> is empty"),
    ("<think> The point is 2.3 m", "within its reasoning; let the model write more tokens"),
    ("<think>It is 5 m. <answer>5</answer>", "within its reasoning"),
    ("<think>It is 5 m.</think> 4 m <think> or 3 m", "within its reasoning"),
    ("<think> The point is 2.3 m </think>", "nothing follows"),
    ("I'm sorry, I can't help with that.", DECLINED),
    ("I cannot determine the distance from one image.", DECLINED),
    ("It is not possible to tell.", DECLINED),
    ("I cannot tell whether it is 2 m or 3 m.", DECLINED),
    ("The wall may be 3 m away. I cannot determine the distance.", DECLINED),
    ("I cannot tell. The wall may be 5 m away; the point? Unknown.", DECLINED),
    ("<answer>unknown</answer>", DECLINED),
    ("<answer>N/A</answer>", DECLINED),
    ("The point is far away.", "no number"),
    ("a few metres", "no number"),
    ("This is a hard one.", "names, sizes|no number"),
    ("0", "0 meters is not more than 0"),
    ("0.00 m", "not more than 0"),
    ("-2.3 m", "-2.3 meters is not more than 0"),
    ("\N{MINUS SIGN}2.3", "not more than 0"),
    ("minus 3 m", "-3 meters is not more than 0"),
    ("negative 3", "not more than 0"),
    ("nan", "no finite number"),
    ("inf", "no finite number"),
    ("Infinity", "no finite number"),
    ("\N{INFINITY} m", "no finite number"),
    ("123456789 m", "absurd"),
    ("100001 m", "absurd"),
    ("9" * 5000, "absurd"),
    ("1e400 m", "absurd"),
    ("0.0000001 m", "absurd"),
    ("2.3 seconds", "in seconds, not in meters"),
    ("<answer>1.8 m/s</answer>", "in meters per second, not in meters"),
    ("2.3 m\N{SUPERSCRIPT TWO}", "not in meters"),
    ("2.3 square metres", "'square', not in meters"),
    ("50%", "'%', not in meters"),
    ("50 percent", "'percent', not in meters"),
    ("320 px", "'px', not in meters"),
    ("45\N{DEGREE SIGN}", "not in meters"),
    ("about 20 steps away", "'steps', not in meters"),
    ("two car lengths", "'car', not in meters"),
    ("The 3D scene", "'d', not in meters"),
    ("The arrow is at (320, 240).", "no number"),
    ("[320, 240]", "no number"),
    ("x=320, y=240", "names, sizes or parts"),
    ("at pixel 320, 240", "names, sizes or parts"),
    ("a door 2 m tall", "names, sizes or parts"),
    ("2 m * 3 m", "names, sizes or parts"),
    ("5 minus 3", "names, sizes or parts"),
    ("3 minus 5", "names, sizes or parts"),
    ("\\frac{34}{10} m", "names, sizes or parts"),
    ("3.4 m and 5.6 m", "sums or lists"),
    ("3.4 metres, 1.2 metres", "sums or lists"),
    ("2 m, maybe 3 m", "sums or lists"),
    ("1 m, 2 m and 3 m", "sums or lists"),
    ("2 and 3 m", "sums or lists"),
    ("2 hundred and fifty meters", "sums or lists"),
    ("3 m (15 ft)", "sums or lists"),
    ("2 m (40 cm)", "sums or lists"),
    ("more than 3 m and less than 2 m", "a bound and no value"),
    ("2 < d < 300 cm", "a bound and no value"),
    ("2m 30s", "in seconds, not in meters"),
    ("6.4 / 2", "names, sizes or parts"),
    ("2024-05-06", "names, sizes or parts"),
    ("1 meter is 3.28 feet", "names, sizes or parts"),
    ("2m40", "not in meters"),
    ("3.2 units", "'units', not in meters"),
    ("I see 2.3, 4.1 and 5.6", "several numbers"),
    ("1.2.3 m", "cannot be read"),
    ("1:30", "cannot be read"),
    ("12,34,5 m", "cannot be read"),
    ("two three metres", "cannot be read"),
    ("1,234,56", "cannot be read"),
]


@pytest.mark.parametrize(("text", "reason"), REFUSED)
def test_no_value_is_made_up(text, reason):
    answer = parse_answer(text, "m")
    assert answer.value is None
    assert any(part in answer.refused for part in reason.split("|")), answer.refused
    assert answer.text == text


@pytest.mark.parametrize(
    ("text", "unit", "reason"),
    [
        ("The point is 7.23 meters away.", "m/s", "in meters, not in meters per second"),
        ("7.23 meters, so 1.81", "m/s", "in meters, not in meters per second"),
        ("7.23 m", "s", "in meters, not in seconds"),
        ("1.8 m/s", "s", "in meters per second, not in seconds"),
        ("8 s", "m/s", "in seconds, not in meters per second"),
        ("9.81 m/s^2", "m/s", "not in meters per second"),
        ("9.81 m/s\N{SUPERSCRIPT TWO}", "m/s", "not in meters per second"),
        ("20000 m/s", "m/s", "absurd"),
    ],
)
def test_another_kind_of_unit_is_refused(text, unit, reason):
    answer = parse_answer(text, unit)
    assert answer.value is None
    assert reason in answer.refused


def test_long_texts_are_read_at_their_end():
    story = "The wall is 7 m away and so on. " * 50_000
    assert parse_answer(story + "The point is 2.5 m away.", "m").value == 2.5
    assert parse_answer(story + "<answer>2.5</answer>", "m").value == 2.5
    assert parse_answer("<answer>2.5</answer>" + story, "m").value == 2.5


def test_a_text_that_was_cut_off_has_a_value_only_in_a_closed_answer():
    """Wherever DepthLM's longest answer is cut, or another one's."""
    whole = "<think> So it is 12.57 meters away. </think> <answer> 12.57 </answer>"
    for text in (whole, "The distance is about \\boxed{12.57}", "The distance is about 12.57 m."):
        for length in range(len(text)):
            answer = parse_answer(CutText(text[:length], 40), "m")
            assert answer.value is None
            assert answer.refused == (
                "the model was cut off after 40 tokens; raise depthlm.max_new_tokens"
            )
            assert answer.text == text[:length] and type(answer.text) is str
    for text in (whole, whole + " I am", "It is \\boxed{12.57} since"):
        assert parse_answer(CutText(text, 40), "m").value == 12.57
    for text in (whole + " No, wait. <answer> 13", "<think> <answer> 12.57 </answer>"):
        assert "cut off" in parse_answer(CutText(text, 40), "m").refused


def test_prompts_that_begin_the_reasoning():
    for prompt, tag in [
        ("Think in <think> </think> tags. <|assistant|>\n<think>\n", "<think>"),
        ("[INST] How far? [/INST][THINK]", "[THINK]"),
        ("<|assistant|>\n<think>\n\n</think>\n\n", ""),
        ("Think in <think> tags. <|assistant|>\n", ""),
        ("", ""),
    ]:
        assert reasoning_begun(prompt) == tag


PIECES = [
    *"0123456789.,:;'\"-+*/^()[]{}<>\\$~_= \n\t%|x",
    "10", "1,000", "1/2", "e5", " m", "m", " m/s", "km/h", " s", "ft", "in ", "'",
    "two ", "and ", "a half ", "hundred ",
    "between ", " to ", " or ", "about ", "<answer>", "</answer>", "<think>", "</think>",
    "\\boxed{", "\\text{", "cannot tell ", "exactly ", "±", "²", "½", "٣", "㎝", "İ", "ß", "∞",
    "[THINK]", "</thinking>", " (", "or ", "ft. ", "6 in", "\\frac{", "minus ", "a third of ",
    " hundred", ", i.e. ", "distance is ", " at most", "height of ",
    "\ud800", "\x00", "…", "\u2013", "\uff0c", "pixel ", "x=", "less than ", "or more", "error of ",
]  # fmt: skip


def test_whatever_the_text_nothing_is_raised():
    for seed in range(1500):
        draw = random.Random(seed)
        text = "".join(draw.choices(PIECES, k=draw.randint(1, 40)))
        for unit in ("m", "m/s", "s"):
            answer = parse_answer(text, unit)
            assert (answer.value is None) == (answer.refused != ""), text
            if answer.value is not None:
                assert 1e-4 <= answer.value <= 1e7, text
                assert (answer.low is None) == (answer.high is None), text
                if answer.low is not None:
                    assert 0 < answer.low <= answer.value <= answer.high, text


def test_no_text_takes_long():
    draw = random.Random(0)
    repeated = [*PIECES, *("".join(draw.choices(PIECES, k=3)) for _ in range(100))]
    for piece in repeated:
        text = piece * (100_000 // len(piece))
        start = time.process_time()
        parse_answer(text, "m")
        assert time.process_time() - start < 1, piece
