"""Lesson questions and answers. tests/test_lesson.py checks every answer against the shipped weights."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Question:
    """Lesson question. In its texts `x_t` gets a lowered t.

    Attributes:
        title: heading.
        question: the question.
        guesses: possible answers.
        right: index of the right one, from 0.
        link: query of the state of the page that shows the answer.
        look: what to do and to look at there.
        answer: the explanation.
        sources: literature.
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

QUESTIONS = (
    Question(
        "Does the picture disappear?",
        "A picture x_0 is mixed with noise ε, which is drawn independently of the picture. At step 500 of 1,000 the "
        "digit is hard to see. Is any of it left in the mixture x_t?",
        ("No, it has been overwritten", "Yes, the whole picture, only fainter", "Yes, but only its brightest parts"),
        1,
        "tab=forward&t=500",
        "Tab “Add noise”: drag t from 0 to 999 and watch the three pictures.",
        "x_t is a weighted sum (the forward process in closed form): every pixel of the picture times √ᾱ_t, plus every "
        "pixel of the noise times √(1−ᾱ_t). At t = 500 the first factor is 0.28. Nothing has been deleted: the whole "
        "picture is still there, under noise. If the noise were known, the picture would follow, and vice versa.",
        f"{SOHL_DICKSTEIN}; {HO}, eq. 4",
    ),
    Question(
        "Can random numbers be learned?",
        "A network is trained to predict the noise ε, but x_t is not among its inputs. The noise has variance 1. What "
        "is the mean squared error (MSE) of the network after a very long training?",
        ("Near 0: it has seen millions of noises", "About 1", "Different in every training"),
        1,
        "tab=prediction&analysis=predictors&t=400",
        "Tab “Predict noise”: look at the column “blind”, the zero baseline.",
        "The best prediction without x_t is the mean of the noise, which is 0. Its MSE is the variance of the noise: "
        "1 on average (1.05 for the noise on the screen). So noise that is independent of the input cannot be "
        "predicted. The network in the column “network” has a different task: x_t is its input, and it predicts the "
        "noise in this x_t. At t = 400 its MSE is about 0.034.",
        f"{HO}, eq. 14",
    ),
    Question(
        "Which noise is predicted?",
        "From x_t the network predicts ε̂. Compare ε̂ with the noise ε that is in x_t, and with ε′, an independent "
        "noise of the same distribution. What are the correlations of their pixels?",
        ("High with both: all noise is alike", "High with ε, about 0 with ε′", "About 0 with both"),
        1,
        "tab=prediction&analysis=independence&t=300",
        "Compare the first two scatter plots: ε̂ over ε, and ε̂ over ε′.",
        "ε̂ follows ε, pixel by pixel. Its correlation with ε′ is 0, apart from chance. The noise is independent of "
        "the picture x_0 (third plot), but not of x_t, which contains it (fourth plot). The network does not invent "
        "noise: it predicts the noise in this mixture.",
        f"{HO}, section 3.2",
    ),
    Question(
        "Where do the training targets come from?",
        "A network is trained with inputs and targets. How is the noise in a noisy picture known?",
        ("People label the pictures", "A better network predicts it", "The training code has added it"),
        2,
        "tab=prediction&analysis=training&t=300",
        "Press “Run these four lines” and read the values that each line computes.",
        "Take a clean picture, draw t and ε, and mix them: x_t and its noise are now both known. Evaluate the network, "
        "compute the loss, and update the weights. These four lines and the update, repeated many times, are the whole "
        "training. Each picture is mixed with new noise every time, so memorizing noise does not help; knowing what "
        "pictures look like does.",
        f"{HO}, algorithm 1",
    ),
    Question(
        "At which t is it difficult?",
        "At t = 20 the picture is clearly visible under faint noise; at t = 900 x_t is almost pure noise. Where is the "
        "MSE of the predicted noise larger?",
        ("At t = 20", "At t = 900", "The same everywhere"),
        0,
        "tab=prediction&analysis=shrinkage&t=20",
        "Follow the curves of std(ε̂) and of the MSE from large t to small t.",
        "At t = 900 x_t is nearly all noise, so ε̂ = x_t is nearly right. At t = 20 a faint speckle may be noise or a "
        "detail of the picture, and x_t does not tell which. The best prediction is then the posterior mean E[ε | "
        "x_t], the mean of all noises that are compatible with x_t. A mean varies less than the values that it "
        "averages: ε̂ shrinks, and an irreducible error remains. (For the picture it is the other way round: the "
        "error of x̂_0 is that of ε̂ times √(1−ᾱ_t)/√ᾱ_t, so it is larger at large t.)",
        f"{HO}, eq. 14, whose best answer is the conditional mean",
    ),
    Question(
        "Is ε̂ enough for a reverse step?",
        "The network predicts only ε̂. What else does one reverse step, from x_t to x_t−1, need?",
        (
            "Known numbers of the schedule, and fresh noise",
            "A second network that predicts the next picture",
            "The clean picture x_0",
        ),
        0,
        "tab=prediction&analysis=reverse_step&t=300",
        "Read the two formulas next to the pictures: the numbers in them are those of this t.",
        "The mean of the step is x_t minus a known multiple of ε̂, times a known factor; the variance is known, too. "
        "The true reverse step contains x_0, which is unknown when sampling. With x̂_0, which follows from ε̂, in its "
        "place, the posterior mean is the same as that from ε̂. The error of ε̂ causes only a small error of the "
        "step: here less than 5 % of the standard deviation of the step’s fresh noise.",
        f"{HO}, eq. 7 and 11",
    ),
    Question(
        "Can a network predict something else?",
        "Some networks predict the clean picture x_0, some the velocity v, some the score: the direction in which x_t "
        "becomes more likely. Do these networks learn something different?",
        ("Yes, four different things", "No: given x_t, each determines the others", "Only the score is exact"),
        1,
        "tab=prediction&analysis=parameterizations&t=800",
        "Drag t to both ends and watch in which pictures the error grows.",
        "They are four parameterizations of one prediction. x̂_0 is what remains when ε̂ is removed from x_t. The "
        "score is −ε̂/√(1−ᾱ_t); for the posterior mean E[ε | x_t] this is exact (Tweedie’s formula). The "
        "parameterizations differ in how errors grow when one is converted to another: here a small error in ε̂ "
        "becomes a large one in x̂_0.",
        f"{EFRON}; {VINCENT}",
    ),
    Question(
        "Where does sampling end?",
        "Two sampling runs start from the same noise. One uses the network, the other the ideal predictor: the exact "
        "posterior mean over all 9,000 training pictures. Where do they end?",
        (
            "Both in the same new picture",
            "Both in pictures of the training data",
            "The ideal one in training pictures, the network in new ones",
        ),
        2,
        "tab=sampling&compare_ideal=1&seed=0&frame=50",
        "Tab “Remove noise”: compare x̂_0 with “nearest”, the nearest training picture, in both rows.",
        "The ideal predictor’s x̂_0 is a mixture of training pictures, and its runs end in training pictures, exact "
        "up to rounding: memorization. The network is less exact on the training pictures, and that is its strength: "
        "it ends in new digits (now and then in a scrawl): generalization. To sum up: independent noise cannot be "
        "predicted, but the noise in x_t can, and that is enough to generate pictures. This is the end of the lesson.",
        f"{SONG}, eq. 12, for the steps without fresh noise",
    ),
)
