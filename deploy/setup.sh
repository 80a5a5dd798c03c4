#!/bin/sh
# Makes the environment of Accueil in .venv, once for each lock file. Usage: deploy/setup.sh [requirements.lock]
# A finished environment carries marks (.venv/installed-<lock>): nothing is then done, and the network is not needed. One without a mark was
# interrupted: it is made again from the start, mostly from pip's cache.
set -u
cd "$(dirname "$0")/.." || exit 1
lock=${1:-requirements.lock}
log=var/install.log
again="puis relancez la même commande."

stop() { printf '%s\n' "$*" >&2; exit 1; }
[ -f "$lock" ] || stop "Le fichier $lock manque : reprenez une copie complète du projet, $again"

python="" found=""
for candidate in "${PYTHON:-}" python3 python3.14 python3.13 python3.12 python3.11; do
    [ -n "$candidate" ] && command -v "$candidate" >/dev/null 2>&1 || continue
    version=$("$candidate" -c 'import sys; print("%d.%d" % sys.version_info[:2]); sys.exit(sys.version_info < (3, 11))' 2>/dev/null) && python=$candidate && break
    found=${found:-$version}
done
[ -n "$python" ] || stop "Il faut Python 3.11 ou plus récent (ici : ${found:-aucun}). Debian 12, Ubuntu 24.04 et suivants :" \
    "sudo apt install python3 python3-venv. S'il est ailleurs : make run PYTHON=/chemin/vers/python3"

mark_of() { echo "$(cksum <"$1") $version"; }
[ -x .venv/bin/python ] && [ "$(cat ".venv/installed-$lock" 2>/dev/null)" = "$(mark_of "$lock")" ] && exit 0

installer=""
interrupted() {
    [ -z "$installer" ] || { kill "$installer" 2>/dev/null; wait "$installer" 2>/dev/null; restore; }
    printf '\nInterrompu : relancez la même commande, elle reprendra.\n' >&2
    exit 130
}
trap interrupted INT TERM HUP
mkdir -p var 2>/dev/null && : 2>/dev/null >"$log" || stop "Impossible d'écrire ici : vérifiez vos droits et l'espace disque, $again"

disk_is_full() {
    free=$(df -Pk . 2>/dev/null | awk 'NR == 2 { print $4 }')
    grep -qiE 'no space left|quota exceeded' "$log" 2>/dev/null || [ "${free:-1000000}" -lt 20000 ]
}
full="Le disque est plein : libérez environ 1 Go, $again"

finished() { ls .venv/installed-* >/dev/null 2>&1; }
works() { [ "$(.venv/bin/python -c 'import pip, sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)" = "$version" ]; }
if ! { finished && works; }; then
    echo "Création de l'environnement (.venv)…"
    rm -f .venv/installed-*
    rm -rf .venv
    if ! "$python" -m venv .venv >"$log" 2>&1; then
        rm -rf .venv
        disk_is_full && stop "$full"
        grep -qiE 'ensurepip|no module named venv' "$log" &&
            stop "Le module venv de Python manque. Debian, Ubuntu : sudo apt install python3-venv (ou python$version-venv), $again"
        stop "L'environnement n'a pas pu être créé : lisez $log, $again"
    fi
fi

# From here to the end, no mark stands: whatever happens, a half-made environment is never taken for a finished one.
mkdir -p .venv/before
for mark in .venv/installed-*; do [ -f "$mark" ] && mv "$mark" .venv/before/; done
restore() {  # nothing was installed yet: what was finished still is
    grep -q '^Installing collected' "$log" 2>/dev/null && return
    for mark in .venv/before/*; do [ -f "$mark" ] && mv "$mark" .venv/; done
}

echo "Installation des dépendances (une à deux minutes la première fois)…"
export PYTHONUNBUFFERED=1
.venv/bin/python -m pip install --disable-pip-version-check --progress-bar off --require-hashes -r "$lock" >"$log" 2>&1 &
installer=$!
while kill -0 "$installer" 2>/dev/null; do
    [ -t 1 ] && printf '\r  %s paquets trouvés' "$(grep -c '^Collecting' "$log" 2>/dev/null)"
    sleep 0.2 2>/dev/null || sleep 1
done
[ -t 1 ] && printf '\r                                        \r'
if ! wait "$installer"; then
    restore
    disk_is_full && stop "$full"
    grep -qi 'do not match the hashes' "$log" &&
        stop "Un paquet téléchargé n'est pas celui attendu : rien n'a été installé. Vérifiez le miroir de paquets, $again"
    grep -qiE 'connection|resolve|network|timed out|no matching distribution' "$log" &&
        stop "Les dépendances n'ont pas pu être téléchargées : vérifiez l'accès à internet (ou au miroir de paquets), $again"
    stop "L'installation a échoué : lisez la fin de $log, $again"
fi
rm -rf .venv/before
mark_of "$lock" >".venv/installed-$lock" || stop "$full"
# The development lock holds everything of the other one.
[ "$lock" != requirements-dev.lock ] || mark_of requirements.lock >.venv/installed-requirements.lock
