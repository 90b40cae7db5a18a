"""Replies below what they answer, put together from authored posts: an augmentation on top of them, for stance only.

What a reply does with a myth is what it was written to do, whatever stands above it; but a myth given to somebody who collects silly
myths is no endorsement.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Sequence

from services.classify.context import together
from services.classify.training.corpus import AuthoredPost

SHARE = 0.08
"""Of authored posts about a myth that are also read as a reply."""

COLLECTED = 0.3
"""Of short endorsements read as replies: given to somebody who collects myths."""

SHORT = 140
"""Characters up to which an endorsement could be such an answer: it argues nothing."""

COLLECTING = {
    "en": (
        "What's the daftest bit of health advice you've ever been given?",
        "Doctors of this site: which myths do you hear every single week?",
        "Worst medical misinformation your family has sent you. Go.",
        "Things my uncle believes, a thread. Add yours!",
        "Name a health myth that refuses to die.",
        "Quiz night: true or false? Give me statements that sound true and aren't.",
        "What did you believe about medicine as a kid that turned out to be rubbish?",
        "I'm collecting quack claims for a lecture. Send me your best.",
    ),
    "nl": (
        "Wat is de grootste gezondheidsonzin die je ooit hebt gehoord?",
        "Huisartsen hier: welke fabels horen jullie elke week?",
        "Ik verzamel medische fabels voor een les. Stuur maar in!",
        "Wat geloofde je vroeger over dokters en bleek onzin?",
        "Welke broodjeaapverhalen stuurt jouw oom rond?",
    ),
    "de": (
        "Was ist der größte Gesundheits-Quatsch, den ihr je gehört habt?",
        "Ärztinnen hier: Welche Mythen hört ihr jede Woche?",
        "Ich sammle Medizinmythen für einen Vortrag. Her damit!",
        "Was hat euch die Familie schon für Unsinn geschickt?",
        "Nennt einen Gesundheitsmythos, der einfach nicht stirbt.",
    ),
    "es": (
        "¿Cuál es la mayor tontería sobre salud que habéis oído?",
        "Médicos por aquí: ¿qué bulos escucháis cada semana?",
        "Estoy recopilando mitos médicos para una clase. ¡Mandadme los vuestros!",
        "¿Qué creíais de niños sobre la medicina y era mentira?",
        "Bulos que manda mi tío por WhatsApp. Añade el tuyo.",
    ),
    "fr": (
        "C'est quoi la plus grosse bêtise sur la santé que vous ayez entendue ?",
        "Soignants d'ici : quels mythes entendez-vous chaque semaine ?",
        "Je collectionne les idées reçues en médecine pour un cours. Envoyez !",
        "Les intox santé que votre oncle partage, vous en avez ?",
        "Citez un mythe médical qui refuse de mourir.",
    ),
}


def replies(posts: Sequence[AuthoredPost], draw: random.Random) -> list[tuple[AuthoredPost, bool]]:
    """(post as it reads below what it answers, was it given to a collector of myths), for some of `posts`."""
    around = defaultdict(list)
    for post in posts:
        if post.myth:
            around[post.myth, post.language].append(post)
    found = []
    for post in posts:
        if not post.myth or draw.random() >= SHARE:
            continue
        endorses = post.stance == "endorse"
        if endorses and len(post.text) <= SHORT and post.language in COLLECTING and draw.random() < COLLECTED:
            found.append((_below(draw.choice(COLLECTING[post.language]), post), True))
            continue
        # An endorsement below a question or a debunk, a debunk or a comfort below an endorsement, and so on.
        above = [other for other in around[post.myth, post.language] if other.role != post.role]
        if above:
            found.append((_below(draw.choice(above).text, post), False))
    return found


def _below(parent: str, post: AuthoredPost) -> AuthoredPost:
    return AuthoredPost(together(parent, post.text), post.language, post.role, post.myth, post.topic)
