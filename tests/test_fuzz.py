from tests.fuzz import ALLOWED, fuzz


def test_random_requests_are_answered_or_refused_in_a_sentence(address: str) -> None:
    """The full number is `python -m tests.fuzz`."""
    answers = fuzz(address, 105, derandomize=True)
    assert set(answers) == {"links", "events", "saves", "routes", "/add_noise", "/predict_noise", "/sample"}
    for name, answered in answers.items():
        assert set(answered) <= ALLOWED, name
        assert answered.total() >= 15
        assert set(answered) & {"complete", "page"}
