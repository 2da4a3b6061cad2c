"""Plain explanations of terms and metrics, which the page, the PDF and the documentation show."""

TERMS = {
    "G, the generator": "A network that turns noise into images. It never sees a real image: all that it learns comes "
    "from D's answers.",
    "D, the discriminator": "A network that sees an image and answers with the probability that it is real. It is "
    "trained on real and on generated images.",
    "latent z": "The 128 random numbers that G turns into an image. The same latent always gives the same image of the "
    "same G.",
    "D(x), D(G(z))": "D's answers for real and for generated images, between 0 (generated) and 1 (real). The best "
    "possible G brings both to 0.5.",
    "D step": "An update of D. In an iteration D takes one or more steps, then G takes one.",
    "epoch": "A pass over the training images: 117 iterations with MNIST and a batch of 512.",
    "non-saturating loss": "G minimizes -log D(G(z)). Its slope in D's logit is largest where D rejects a sample, "
    "so that a bad G still learns.",
    "saturating loss": "G minimizes log(1 - D(G(z))), as in the original game. The size of its slope in D's logit is "
    "D(G(z)) itself. Where D is sure that a sample is generated, it is about 0, and G learns nothing.",
    "label smoothing": "D is trained towards 0.9 rather than 1 for real images (one-sided), and towards 0.1 rather "
    "than 0 for generated ones as well (two-sided).",
    "mode collapse": "G draws few kinds of image, or one only, whatever the latent.",
    "blob phase": "The first epochs of a run, in which G draws one gray shape, whatever the latent.",
    "seed": "The number that all randomness of a run follows from. Runs that differ in the seed alone show how much "
    "is chance.",
}

MEANINGS = {
    "epoch": "Passes over the training images.",
    "discriminator_loss": "Loss of D, the mean over the epoch. Under binary cross-entropy it is 2 log 2 = 1.39 where "
    "D cannot tell real from generated images, and 0 where D is always right and sure.",
    "generator_loss": "Loss of G, the mean over the epoch. Under the non-saturating loss it is log 2 = 0.69 where D "
    "cannot tell real from generated images, and grows as D rejects the samples.",
    "real_probability": "D's mean answer for real images: the probability that they are real.",
    "fake_probability": "D's mean answer for generated images. Near 0, D rejects nearly every sample.",
    "discriminator_accuracy": "Share of real and generated images that D classifies correctly: 0.5 is guessing, 1 is "
    "always right.",
    "discriminator_gradient_norm": "Length of the gradient that updates D.",
    "generator_gradient_norm": "Length of the gradient that updates G. Near 0, G no longer learns.",
    "frechet": "Distance between generated and test images in the features of a small MNIST classifier: lower is "
    "better. Near the floor, the features agree in mean and covariance. It is no FID, whose classifier is another.",
    "frechet_floor": "Fréchet distance of as many real training images from the test images: a G that copies its "
    "training images would score this.",
    "n": "Generated images that were measured.",
    "precision": "Share of generated images that lie among real ones in the classifier's features: near 1, most look "
    "like digits.",
    "recall": "Share of real images that lie among generated ones: near 1, G draws as many kinds of digits as people "
    "write.",
    "density": "Number of real images' neighborhoods that a generated image lies in, relative to the number that a "
    "real one lies in: 1 is as dense as real.",
    "coverage": "Share of real images that have a generated one near: near 1, G leaves out little.",
    "classifier_score": "Inception score with the MNIST classifier: near 10, each sample is clearly one digit and all "
    "ten are equally frequent.",
    "classes_covered": "Digits that make up at least 1 % of the samples each: 10 is all.",
    "kl_to_uniform": "Unevenness of the digits' shares: 0 if all ten are equally frequent, log 10 = 2.3 if there is "
    "one only.",
    "digit_share_1": "Share of the samples that the classifier reads as the digit 1: a tenth if all digits are equally "
    "frequent.",
    "nearest_median": "Median distance of a sample from the most similar training image, over the pixels.",
    "held_out_nearest_median": "Median distance of a test image from the most similar training image.",
    "nearest_ratio": "Distance of samples from training images, relative to that of test images: near 1 is as for new "
    "images; near 0 the samples are copies.",
    "modes": "Numbers of three digits, of 1000, that occur among the samples of Stacked MNIST.",
    "modes_kl": "Unevenness of the shares of these numbers: 0 if all are equally frequent.",
    "modes_kl_floor": "Unevenness that as many real numbers have by chance.",
    "digits_kl": "Part of the unevenness that the digits have one by one.",
    "largest_share": "Share of the samples that the most frequent digit has: a tenth if all are equally frequent. "
    "Left out while most samples do not look real.",
}
