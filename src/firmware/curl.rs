//! One command for a shell: the POST that the device makes.

use super::env;
use super::flashed::Flashed;

/// The command's text, which prints the hub's status (204); nothing for what does not post.
pub(super) fn write(flashed: &Flashed) -> Option<String> {
    let url = env::quote(&flashed.events_url()?);
    let authorization = env::quote(&format!("Authorization: {}", flashed.token.expose()));
    let ca_file = flashed
        .ca_file
        .as_ref()
        .map(|file| format!("  --cacert {} \\\n", env::quote(file)))
        .unwrap_or_default();
    Some(format!(
        "curl --silent --show-error --request POST {url} \\\n{ca_file}  --header {authorization} \\\n  \
         --header 'Content-Type: application/json' \\\n  --data '{{\"temperature\": 24.5}}' \\\n  \
         --write-out '%{{http_code}}\\n'\n"
    ))
}
