"""Which language a few words are written in; French unless another one shows itself."""

from __future__ import annotations

import pytest
from hypothesis import given

from bot.language import default_languages
from tests.texts import ANY_TEXT

IN_THEIR_LANGUAGE = {
    "fr": "Comment refaire ma carte d'identité perdue ?",
    "en": "I lost my identity card, what should I do?",
    "es": "He perdido mi tarjeta de residencia, ¿qué puedo hacer?",
    "pt": "Perdi a minha carta de condução, como posso fazer?",
    "it": "Ho perso il mio permesso di soggiorno, come posso fare?",
    "de": "Ich habe meinen Führerschein verloren, was kann ich machen?",
    "nl": "Ik heb mijn rijbewijs verloren, wat moet ik nu doen voor het?",
    "ro": "Am pierdut permisul, unde pot cere altul pentru mine?",
    "pl": "Gdzie mogę odnowić kartę pobytu, dziękuję",
    "tr": "Ehliyetimi kaybettim, nerede ve nasıl başvuru yapabilirim, lazım",
    "sq": "Kam humbur patentën, ku mund të kërkoj një leje?",
    "vi": "Tôi bị mất thẻ cư trú, phải làm gì?",
    "so": "Waxaan lumiyay kaarka, sidee ayaan u codsan karaa?",
    "ht": "Mwen pèdi kat sejou mwen, kisa pou m fè souple",
    "uk": "Я загубив посвідчення, що мені робити і де отримати?",
    "ru": "Я потерял права, где их можно получить и что мне делать?",
    "ar": "لقد فقدت بطاقة الإقامة، ماذا أفعل؟",
    "fa": "چگونه می‌توانم کارت اقامت بگیرم؟",
    "zh": "我的居留卡丢了怎么办",
    "ja": "カードをなくしました、どうすればいいですか",
    "ko": "운전면허증을 잃어버렸어요",
    "el": "Έχασα την άδειά μου",
    "hi": "मेरा कार्ड खो गया है",
    "bn": "আমার কার্ড হারিয়ে গেছে",
    "ta": "எனது அட்டை தொலைந்துவிட்டது",
    "th": "ฉันทำบัตรหาย",
    "he": "כרטיס התושב שלי אבד",
    "hy": "կորցրել եմ իմ քարտը",
    "ka": "დავკარგე ბარათი",
    "am": "ካርዴን አጣሁ",
}


@pytest.mark.parametrize(("code", "text"), IN_THEIR_LANGUAGE.items())
def test_a_sentence_is_recognised_in_its_language(code: str, text: str) -> None:
    assert default_languages().identify(text) == code


@pytest.mark.parametrize(
    "text",
    [
        "carte grise",
        "permis perdu",
        "g perdu mon permi koi fair",
        "titre sejour renouvellement",
        "PASSEPORT",
        "rdv",
        "visa",
        "",
        "1234",
        "🚗",
        "je voudrais le permis international pour USA",
        "changement adresse carte grise en ligne",
    ],
)
def test_a_few_french_words_are_french(text: str) -> None:
    assert default_languages().identify(text) == "fr"


SHORT = {
    "en": ["lost passport", "how much is it", "and for my wife", "stolen id card", "what documents"],
    "es": ["perdi mi pasaporte", "cuánto tarda", "y para mi hijo", "renovación tarjeta de residencia", "¿es gratis?"],
    "pt": ["perdi o passaporte", "quanto custa", "e para o meu filho", "renovar título de residência", "marcar consulta"],
    "ar": ["فقدت جواز سفري", "كم السعر", "مرحبا", "تجديد الاقامة"],
    "tr": ["pasaportumu kaybettim", "ne kadar", "ucretsiz mi", "öğrenci vizesi", "arabam çalındı"],
    "uk": ["загубив паспорт", "скільки коштує", "для моєї дитини", "коли буде готово"],
    "ru": ["потерял паспорт", "сколько стоит", "для моего ребенка", "вид на жительство"],
    "zh": ["护照丢了", "多少钱", "需要什么材料", "怎么办"],
}


@pytest.mark.parametrize(("code", "text"), [(code, text) for code, texts in SHORT.items() for text in texts])
def test_a_few_words_are_recognised_with_or_without_accents(code: str, text: str) -> None:
    assert default_languages().identify(text) == code


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("titre de séjour 怎么补办", "zh"),
        ("régularisation par le travail وين اقدم الملف", "ar"),
        ("se me vencio el titre de séjour que hago", "es"),
        ("can I work with a récépissé", "en"),
        ("je m'appelle Müller et je voudrais renouveler mon passeport", "fr"),
    ],
)
def test_french_words_quoted_in_a_language_do_not_hide_it(text: str, code: str) -> None:
    assert default_languages().identify(text) == code


def test_words_of_no_language_are_those_of_the_language_spoken_so_far() -> None:
    assert default_languages().identify("xyzzy 12", "tr") == "tr"
    assert default_languages().identify("je voudrais une carte grise", "tr") == "fr"


@given(ANY_TEXT)
def test_any_text_has_a_known_language(text: str) -> None:
    assert default_languages().identify(text) in default_languages().names
