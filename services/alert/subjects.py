"""Names of the knowledge base's topics and specialties, as people read them."""

from __future__ import annotations

from services.alert.texts import gettext, later

_NAMES = (
    # topics
    later("addiction opioids"), later("adhd autism"), later("antibiotics"), later("blood pressure"), later("brain nerves"),
    later("cancer"), later("contraception fertility"), later("dementia"), later("detox"), later("diabetes"), later("donation"),
    later("eyes"), later("fasting"), later("heart"), later("homeopathy oils"), later("hospital fears"), later("infant care"),
    later("infectious diseases"), later("kidney liver"), later("menopause hormones"), later("mental health"),
    later("pain back joints"), later("parasites cleanses"), later("poisons as cures"), later("pregnancy birth"),
    later("radiation 5g"), later("rare chronic illness"), later("raw milk"), later("seed oils nutrition"),
    later("stroke first aid"), later("sun skin"), later("supplements"), later("teeth fluoride"), later("vaccines"),
    later("weight diets"), later("weight loss drugs"),
    # specialties
    later("addiction"), later("cardiology"), later("dentistry"), later("dermatology"), later("emergency"),
    later("endocrinology"), later("gastroenterology"), later("general practice"), later("gynaecology"), later("haematology"),
    later("nephrology"), later("neurology"), later("nutrition"), later("obstetrics"), later("oncology"),
    later("ophthalmology"), later("orthopaedics"), later("paediatrics"), later("pain"), later("pharmacy"),
    later("psychiatry"), later("respiratory"), later("rheumatology"), later("transplantation"),
)  # fmt: skip


def subject(slug: str) -> str:
    """ "general practice" of "general-practice"; names that an officer gave stay as they are."""
    return gettext(slug.replace("-", " ")) if slug else ""
