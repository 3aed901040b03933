//! What the application takes by itself to its first answer.

use crate::common::place::{Instance, Place};
use crate::common::table::median;
use crate::common::{Result, run};

/// A second container of the web server's image, with the same mounts, limits and command, on a port of
/// its own.
const START_UP: &str = r#"
ask() { docker inspect -f "$1" "$WEB"; }
mapfile -t mounts < <(ask '{{range .Mounts}}{{.Source}}:{{.Destination}}{{if not .RW}}:ro{{end}}{{println}}{{end}}')
mapfile -t entry < <(ask '{{range .Config.Entrypoint}}{{println .}}{{end}}')
mapfile -t command < <(ask '{{range .Config.Cmd}}{{println .}}{{end}}')
mapfile -t environment < <(ask '{{range .Config.Env}}{{println .}}{{end}}')
words=(--label "$LABEL" --network "$(ask '{{range $name, $it := .NetworkSettings.Networks}}{{$name}}{{end}}')"
  --memory "$(ask '{{.HostConfig.Memory}}')" --workdir "$(ask '{{.Config.WorkingDir}}')")
for it in "${mounts[@]}"; do [ -z "$it" ] || words+=(-v "$it"); done
for it in "${environment[@]}"; do [ -z "$it" ] || words+=(-e "$it"); done
[ -z "${CONTENT:-}" ] || words+=(-e "DATABASE_URL=$CONTENT")
words+=(--entrypoint "${entry[0]}")
inside=$(ask '{{range $port, $it := .HostConfig.PortBindings}}{{$port}}{{end}}')
all=("${entry[@]:1}" "${command[@]}")
arguments=()
for it in "${all[@]}"; do [ -z "$it" ] || arguments+=("$it"); done
image=${IMAGE:-$(ask '{{.Config.Image}}')}
began=$(date +%s%N)
docker run -d --name "$WEB-bare" -p "127.0.0.1::${inside%/tcp}" "${words[@]}" "$image" "${arguments[@]}" >/dev/null
PORT=$(docker port "$WEB-bare" "$inside" | head -n 1)
PORT=${PORT##*:}
answers
ended=$(date +%s%N)
docker rm -f "$WEB-bare" >/dev/null
echo $((ended - began))
"#;

/// How many seconds the application takes to its first answer, without the tool.
///
/// # Errors
/// Where it does not come.
pub fn start_up(place: &Place, instance: &Instance) -> Result<f64> {
    start_up_of(&place.variables(instance))
}

/// The same where `IMAGE` among the variables may be another image, and `CONTENT` the address of another
/// schema.
///
/// # Errors
/// Where it does not come.
pub fn start_up_of(variables: &[(&'static str, String)]) -> Result<f64> {
    let mut times = Vec::new();
    for _ in 0..3 {
        let (_, nanoseconds) = run::feed(START_UP, variables, "")?;
        let nanoseconds: f64 = nanoseconds
            .trim()
            .parse()
            .map_err(|_| format!("{nanoseconds} is no time"))?;
        times.push(nanoseconds / 1e9);
    }
    Ok(median(&times))
}
