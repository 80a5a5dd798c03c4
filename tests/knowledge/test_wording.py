"""Every refusal that concerns one wording has its case: length, acronyms, sites, figures, promises."""

from __future__ import annotations

import pytest

from knowledge.errors import Remark
from knowledge.proofreading import check
from knowledge.proofreading.wording import words
from tests.knowledge.builders import DAY, FACTS, Content, a_fact


def _remarks(content: Content) -> tuple[Remark, ...]:
    return check(content.folder, DAY).remarks


TOO_LONG = ". ".join(["Voici une phrase de six mots"] * 11) + "."
LONG_SENTENCE = "Vous devez apporter " + " ".join(["un papier"] * 9) + "."

WORDINGS: list[tuple[str, str, str, str]] = [
    # rule, section, text, what the remark quotes
    ("longueur", "court", TOO_LONG, "66 mots, 60 au plus"),
    ("longueur", "en", " ".join(["word"] * 76) + ".", "76 mots, 75 au plus"),
    ("phrase longue", "court", LONG_SENTENCE, "phrase de 21 mots, 20 au plus"),
    ("phrase longue", "detail", LONG_SENTENCE + " " + "Vous " + " ".join(["mot"] * 26) + ".", "phrase de 27 mots, 25 au plus"),
    ("sigle", "court", "Allez au PAN de la préfecture.", "sigle « PAN » non expliqué"),
    ("sigle", "detail", "Allez au PAN. C'est le point d'accueil numérique (PAN).", "sigle « PAN » non expliqué"),
    ("sigle", "étapes", "1. Allez au PAN.", "sigle « PAN » non expliqué"),
    ("sigle", "detail", "Voyez avec la DRPJX.", "sigle « DRPJX » inconnu"),
    ("site sans rubrique", "court", "Il y a tout sur le site.", "tout sur le site"),
    ("site sans rubrique", "court", "Tout est sur internet.", "Tout est sur internet"),
    ("site sans rubrique", "detail", "Toutes les informations sont sur notre site.", "Toutes les informations"),
    ("site sans rubrique", "court", "Pour le prix, voir le site.", "voir le site"),
    ("site sans rubrique", "court", "Pour le prix, consultez notre site internet.", "consultez notre site"),
    ("site sans rubrique", "étapes", "1. Réservez sur leur site.", "sur leur site"),
    ("site sans rubrique", "court", "Demandez-la sur impots.gouv.fr.", "« impots.gouv.fr » est nommé sans dire où chercher"),
    (
        "domaine",
        "court",
        "Demandez-la sur carte-vite.com, rubrique « Perte ».",
        "« carte-vite.com » n'est pas un site officiel",
    ),
    ("domaine", "detail", "Demandez-la sur faux-gouv.fr, rubrique « Perte ».", "faux-gouv.fr"),
    ("domaine", "en", "Apply on card-service.org now.", "card-service.org"),
    ("valeur en dur", "court", "La carte coûte 25 € en timbre.", "montant écrit à la main : « 25 € »"),
    ("valeur en dur", "detail", "Comptez 1 000 euros.", "1 000 euros"),
    ("valeur en dur", "court", "Vous avez 2 mois pour agir.", "délai écrit à la main : « 2 mois »"),
    ("valeur en dur", "court", "Vous avez deux mois pour agir.", "deux mois"),
    ("valeur en dur", "court", "Revenez dans quinze jours.", "quinze jours"),
    ("valeur en dur", "court", "La carte dure 10 ans.", "10 ans"),
    ("valeur en dur", "detail", "Il faut vivre ici depuis plus de 5 ans.", "5 ans"),
    ("valeur en dur", "en", "You have 2 months to act.", "2 months"),
    ("valeur en dur", "en", "It costs 25 euros.", "25 euros"),
    ("valeur en dur", "detail", "Le guichet ouvre de 9 h à midi.", "horaire écrit à la main : « 9 h »"),
    ("valeur en dur", "detail", "Le guichet ouvre à 9h30.", "9h30"),
    ("valeur en dur", "en", "The desk opens at 9:30 am.", "9:30 am"),
    ("valeur en dur", "court", "Appelez le 34 00.", "34 00"),
    ("valeur en dur", "court", "En cas de danger, appelez le 17.", "appelez le 17"),
    ("valeur en dur", "detail", "Téléphone : 03 53 01 10 60.", "03 53 01 10 60"),
    ("valeur en dur", "detail", "Téléphone : +33 3 53 01 10 60.", "+33 3 53 01 10 60"),
    ("valeur en dur", "detail", "Venez au 12 rue des Tilleuls.", "adresse écrite à la main"),
    ("numéro surtaxé", "detail", "Téléphone : 08 99 12 34 56.", "08 99 12 34 56"),
    ("numéro surtaxé", "detail", "Téléphone : 32 99.", "32 99"),
    ("promesse", "court", "Votre dossier est complet.", "Votre dossier est complet"),
    ("promesse", "court", "Votre demande sera acceptée.", "Votre demande sera acceptée"),
    ("promesse", "court", "Un agent vous répondra sous peu.", "Un agent vous répondra sous"),
    ("promesse", "detail", "Sous 48 heures, un agent appelle.", "Sous 48 heures"),
    ("promesse", "court", "Nous vous rappellerons dans la journée.", "Nous vous rappellerons dans"),
    ("promesse", "court", "Vous aurez une réponse d'ici Noël.", "une réponse d'ici"),
    ("promesse", "court", 'Sous {{ delai("recours") }}, un agent appelle.', "Sous ▢, un agent"),
    ("promesse", "court", "Vous aurez une réponse d’ici Noël.", "une réponse d'ici"),
    ("valeur en dur", "detail", "Il faut 12\u00a0jours.", "12 jours"),
    ("promesse", "en", "Your application will be approved.", "will be approved"),
    ("oreille", "court", "Allez sur https://passeport.ants.gouv.fr, rubrique « Perte ».", "adresse longue"),
    ("oreille", "court", "Apportez **deux** photos.", "mise en forme"),
    ("oreille", "court", "Apportez :\n- une photo ;\n- un timbre.", "mise en forme"),
    ("gabarit", "court", "Payez {{ 7 * 7 }}.", "seuls les appels"),
    ("gabarit", "en", "{% if true %}Pay{% endif %}.", "« {% »"),
    ("fait inconnu", "court", 'Payez {{ montant("autre") }}.', 'montant("autre") n\'est déclaré nulle part'),
]


@pytest.mark.parametrize(("rule", "section", "text", "quoted"), WORDINGS)
def test_a_wording_is_refused_where_it_is_wrong(content: Content, rule: str, section: str, text: str, quoted: str) -> None:
    content.fiche(sections={section: text})

    found = [remark for remark in _remarks(content) if remark.rule == rule]
    assert found
    assert any(quoted in remark.message for remark in found), found
    assert found[0].file == "fiches/identite/cni-perte.md"
    assert found[0].remedy
    heading = content.path().read_text("utf-8").split(f"# {section}\n")[0].count("\n") + 1
    assert heading < found[0].line <= heading + text.count("\n") + 1


ACCEPTED = [
    ("court", "Allez au point d'accueil numérique (PAN). Le PAN vous aide."),
    ("detail", "Deux points d'accueil numérique (PAN) vous aident."),
    ("detail", "Le PAN (point d'accueil numérique) vous aide."),
    ("detail", "Envoyez un SMS ou un PDF. Charles III règne."),
    ("detail", "Sur ants.gouv.fr, rubrique « Mon VLS-TS », cliquez."),
    ("court", "Demandez-la sur passeport.ants.gouv.fr, en ligne."),
    ("court", "Demandez-la sur ants.gouv.fr, rubrique « Perte ». Le prix s'affiche sur le site."),
    ("detail", "L'aide est sur www.caf.fr, rubrique « Mes aides »."),
    ("detail", "Le paiement se fait sur le site de la démarche."),
    ("detail", "La carte vaut pour les moins de 18 ans et à partir de seize ans."),
    ("detail", "Elle vaut jusqu’à 18 ans."),
    ("court", "Le formulaire est sur le site de la préfecture, rubrique « Chiens »."),
    ("detail", "Entre 16 et 25 ans, ou après soixante-cinq ans, c'est différent."),
    ("detail", "Depuis le 1er mai 2026, le tarif a changé. Voir la loi de 2016."),
    ("detail", "Personne ne peut dire au téléphone si votre dossier est complet."),
    ("en", "Children under 18 years old come with a parent."),
    ("detail", "Deux parents, trois photos et une première demande."),
]


@pytest.mark.parametrize(("section", "text"), ACCEPTED)
def test_a_plain_wording_is_accepted(content: Content, section: str, text: str) -> None:
    assert _remarks(content.fiche(sections={section: text})) == ()


def test_the_sixty_words_are_counted_once_the_facts_are_filled_in(content: Content) -> None:
    content.facts([*FACTS, a_fact("adresse", "adresse", "un deux trois quatre cinq six sept huit neuf dix")])
    content.fiche(sections={"court": "Un mot de plus. " * 13 + '{{ adresse("adresse") }}.'})

    assert [remark.message for remark in _remarks(content) if remark.rule == "longueur"] == [
        "62 mots, 60 au plus pour l'oreille (section court)"
    ]


def test_words_are_counted_as_they_are_heard() -> None:
    assert words("L'enfant vient-il ? Oui : 25 €, sur ants.gouv.fr !") == 7
