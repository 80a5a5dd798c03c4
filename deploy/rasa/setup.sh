#!/bin/sh
# Makes the environment of Rasa (Python 3.10), once for each lock file, outside the tree. Usage: deploy/rasa/setup.sh [folder]
# Folder: the argument, else rasa in ACCUEIL_CACHE (~/.cache/accueil). Python: RASA_PYTHON, python3.10, pyenv's 3.10.
# A finished environment carries a mark: nothing is then done, and the network is not needed. One without a mark was interrupted: it is made
# again, mostly from pip's cache. The last line printed is the path of its Python.
set -eu
folder=${1:-${ACCUEIL_CACHE:-$HOME/.cache/accueil}/rasa}
case $folder in /*) ;; *) folder=$PWD/$folder ;; esac
log=$folder.log
cd "$(dirname "$0")"
stop() { printf '%s\n' "$*" >&2; exit 1; }

python=""
for candidate in "${RASA_PYTHON:-}" python3.10 "$(command -v pyenv >/dev/null && pyenv prefix 3.10 2>/dev/null || true)/bin/python3.10" \
    "$HOME"/.pyenv/versions/3.10.*/bin/python3.10; do
    [ -n "$candidate" ] && "$candidate" -c 'import sys, venv; sys.exit(sys.version_info[:2] != (3, 10))' 2>/dev/null && python=$candidate && break
done
mark="$(cksum <requirements.lock)"
if [ "$(cat "$folder/installed" 2>/dev/null)" = "$mark" ] && "$folder/bin/python" -c '' 2>/dev/null; then
    printf '%s\n' "$folder/bin/python"
    exit 0
fi
[ -n "$python" ] || stop "Rasa demande Python 3.10. S'il est ailleurs : RASA_PYTHON=/chemin/vers/python3.10"

mkdir -p "$folder"
# Two installations at once would spoil each other: the second waits, then finds the work done.
if [ -z "${ACCUEIL_RASA_LOCKED:-}" ] && command -v flock >/dev/null; then
    ACCUEIL_RASA_LOCKED=1 exec flock "$folder.lock" "./$(basename "$0")" "$folder"
fi
echo "Installation de Rasa dans $folder (plusieurs minutes, environ 3 Go)…" >&2
rm -rf "$folder"
"$python" -m venv "$folder" >"$log" 2>&1 || stop "L'environnement n'a pas pu être créé : lisez $log"
"$folder/bin/python" -m pip install --disable-pip-version-check --progress-bar off --require-hashes -r requirements.lock >>"$log" 2>&1 ||
    { tail -5 "$log" >&2; stop "Rasa n'a pas pu être installé : lisez $log, puis relancez la même commande."; }
printf '%s\n' "$mark" >"$folder/installed"
printf '%s\n' "$folder/bin/python"
