"""What the lesson asks and answers. tests/test_lesson.py holds every answer against the shipped weights."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Stop:
    """A question with its guesses, of which number `right` is right, counted from 0; the answer, and where to see it.

    `link` is the query of that state; in texts `x_t` has its t lowered. `sources` are who found it.
    """

    title: str
    question: str
    guesses: tuple[str, str, str]
    right: int
    link: str
    look: str
    answer: str
    sources: str


HO = "Ho, Jain, Abbeel 2020, “Denoising diffusion probabilistic models”"
SOHL_DICKSTEIN = "Sohl-Dickstein et al. 2015, “Deep unsupervised learning using nonequilibrium thermodynamics”"
SONG = "Song, Meng, Ermon 2021, “Denoising diffusion implicit models”"
VINCENT = "Vincent 2011, “A connection between score matching and denoising autoencoders”"
EFRON = "Efron 2011, “Tweedie’s formula and selection bias”"

STOPS = (
    Stop(
        "A picture goes under",
        "A picture x_0 is mixed with more and more random noise ε; the noise is drawn without a look at the "
        "picture. At step 500 of 1,000 you may no longer make out a digit. Is any of it left in the mixture, "
        "x_t?",
        ("No: it has been overwritten", "Yes: the whole picture, only fainter", "Yes, but only its brightest parts"),
        1,
        "tab=forward&t=500",
        "Drag t between 0 and 999, and watch the three pictures.",
        "x_t is a sum: every pixel of the picture times √ᾱ_t, plus every pixel of the noise times √(1−ᾱ_t). "
        "At t = 500 the first factor is 0.28. Nothing has been deleted; the picture is all there, under "
        "noise. So x_t holds two things, and if one of them were known, the other would follow.",
        f"{SOHL_DICKSTEIN}; {HO}, eq. 4",
    ),
    Stop(
        "Can random numbers be learned?",
        "Train a network to say the noise ε, but never show it x_t. How large will its mean squared error be "
        "after a very long training, if the noise has variance 1?",
        ("Near 0: it has seen millions of noises", "It stays at 1", "It is different every time"),
        1,
        "tab=prediction&look=predictors&t=400",
        "Look at the column “blind”.",
        "Nothing that it could say is better than the mean of all noises, which is 0, and that misses "
        "everything: the error is the noise’s variance, 1 on average (1.05 for the one on the screen). "
        "Whoever says that random numbers cannot be learned is right. But nobody asks for that: the network "
        "beside it sees x_t, and at this t, 400, misses about 0.034.",
        f"{HO}, eq. 14",
    ),
    Stop(
        "Which noise does it find?",
        "The network sees x_t and says ε̂. Compare ε̂ with the noise ε that was mixed in, and with ε′, "
        "another noise of the same kind that was not. What will the correlations of their pixels be?",
        ("High with both: all noise is alike", "High with ε, none with ε′", "None with either"),
        1,
        "tab=prediction&look=independence&t=300",
        "Compare the first two plots: ε̂ over ε, and ε̂ over ε′.",
        "ε̂ follows ε, dot by dot, and has nothing to do with ε′: its correlation is as near to 0 as chance "
        "allows. The noise is independent of the picture x_0 (third plot), yet not of x_t, which was made "
        "with it (fourth plot). The network does not invent noise: it finds the noise in this mixture.",
        f"{HO}, section 3.2",
    ),
    Stop(
        "Who tells it the right answer?",
        "To train a network one needs right answers. Who knows which noise is in a noisy picture?",
        ("People who label pictures", "A better network", "Nobody has to find out: we put it there"),
        2,
        "tab=prediction&look=training&t=300",
        "Press “Run these four lines” and read what each of them makes.",
        "Take a clean picture, draw t and ε, mix them: now x_t and its noise are both known. Ask the network, "
        "compare, and move its weights a little. These four lines, repeated a million times, are the whole "
        "training. Each picture is met with ever new noise, so there is nothing to learn by heart but what "
        "pictures are like.",
        f"{HO}, algorithm 1",
    ),
    Stop(
        "When is it hard?",
        "At t = 20 the picture is plainly visible under a faint noise; at t = 900 there is almost nothing but "
        "noise. Where does the network miss more of the noise?",
        ("At t = 20", "At t = 900", "The same everywhere"),
        0,
        "tab=prediction&look=shrinkage&t=20",
        "Follow the curves of std(ε̂) and of the error from right to left.",
        "Where x_t is nearly all noise, saying x_t itself is nearly right. Where it is nearly all picture, a "
        "faint speckle may be noise or the picture’s own, and nothing in it tells. The best answer is then "
        "the mean of all noises that fit, E[ε | x_t]; a mean is smaller than what it averages, so ε̂ shrinks, "
        "and an error stays that no training takes away. (The picture x̂_0 is another matter: to get it, what "
        "was missed is divided by √ᾱ_t, so at large t it is the poorer.)",
        f"{HO}, eq. 14, whose best answer is the conditional mean",
    ),
    Stop(
        "Is that enough to go back?",
        "The network says only ε̂. What else does one step back, from x_t to x_t−1, need?",
        (
            "Known numbers of the schedule, and fresh noise",
            "A second network, which says the next picture",
            "The picture x_0",
        ),
        0,
        "tab=prediction&look=step&t=300",
        "Read the two formulas below the slider: the numbers in them are those of this t.",
        "The mean of the step is x_t less a known part of ε̂, stretched by a known number; its variance is "
        "known too. The true step uses x_0, which nobody knows when sampling; put in its place the x̂_0 that "
        "follows from ε̂, and the same mean comes out. What ε̂ missed is only a small error in the step.",
        f"{HO}, eq. 7 and 11",
    ),
    Stop(
        "Does it have other names?",
        "Some train their network to say the clean picture, some a velocity, some the score, the direction in "
        "which x_t becomes more likely. Do these networks learn something else?",
        ("Yes, four different things", "No: with x_t known, each gives the other three", "Only the score is exact"),
        1,
        "tab=prediction&look=names&t=800",
        "Drag t to both ends and watch which of the pictures drown in noise.",
        "They are one answer. x̂_0 is what is left when ε̂ is taken out, and the score is −ε̂ divided by "
        "√(1−ᾱ_t): that the mean noise points away from where pictures get likelier is Tweedie’s formula. "
        "What differs is how a small error grows on the way from one name to the next: here, an error in ε̂ "
        "drowns x̂_0.",
        f"{EFRON}; {VINCENT}",
    ),
    Stop(
        "Where does it end?",
        "From the same pure noise, one process is driven by the network; the other by the ideal predictor, "
        "which knows all 9,000 training pictures by heart and says the exact mean. Where do they arrive?",
        (
            "Both in the same new picture",
            "Both in pictures of the training data",
            "The ideal one in training pictures, the network in new ones",
        ),
        2,
        "tab=reverse&driver=both&seed=0&frame=50",
        "Compare x̂_0 with “nearest”, the training picture that is nearest to it, in both rows.",
        "The ideal predictor can only go back to what it knows: it ends in training pictures, exactly; "
        "nothing but rounding is between them. That is memorising. The network is not as exact, and just that "
        "is its worth: it has had to learn what digits are like, and ends in digits that nobody has drawn "
        "(now and then in a scrawl that is none). Random noise could be learned, and it was enough. Here the "
        "lesson ends: play on.",
        f"{SONG}, eq. 12, for the steps without fresh noise",
    ),
)
