#!/bin/sh
# Makes .env from .env.example with a random value for every secret that docker-compose.yml asks for:
#   sh deploy/make-env.sh
set -eu
cd "$(dirname "$0")/.."
if [ -e .env ]; then
  echo '.env exists already and stays as it is. Remove it first to make new secrets.' >&2
  exit 1
fi
umask 077
secrets=$(grep -o '\${[A-Z_]*:?' docker-compose.yml | tr -d '${:?' | sort -u)
while IFS= read -r line; do
  name=${line%%=*}
  if printf '%s\n' "$secrets" | grep -qx "$name"; then
    line="$name=$(od -An -v -N 32 -t x1 /dev/urandom | tr -d ' \n')"
  fi
  printf '%s\n' "$line"
done < .env.example > .env
echo 'Wrote .env, which only you can read. It holds the secrets of this deployment.'
