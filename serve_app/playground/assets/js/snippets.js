// A file's request as text to take away.

/** As a shell command. The key stays out of it: it is named, not written. */
export function curl({ url, field, name, streams, withKey }) {
  const words = ["curl"];
  if (streams) words.push("-N", "-H", "'Accept: application/x-ndjson'");
  if (withKey) words.push("-H", '"X-API-Key: $API_KEY"');
  words.push("-F", shell(`${field}=@${formName(name)}`), shell(url));
  return words.join(" ");
}

/** As a Python program on httpx. */
export function python({ url, field, name, streams, withKey }) {
  const plain = new URL(url);
  plain.search = "";
  const params = [...new URL(url).searchParams].map((pair) => `(${pair.map(literal).join(", ")})`);
  const lines = [withKey && "import os", withKey && "", "import httpx", ""];
  lines.push(`path = ${literal(name)}`);
  lines.push(`params = [${params.join(", ")}]`);
  if (withKey) lines.push('headers = {"X-API-Key": os.environ["API_KEY"]}');
  const more = ["params=params", `files={${literal(field)}: file}`, withKey && "headers=headers", "timeout=600"];
  lines.push('with open(path, "rb") as file:');
  lines.push(`    response = httpx.post(${literal(plain.href)}, ${more.filter(Boolean).join(", ")})`);
  lines.push("if response.is_error:", '    raise SystemExit(response.json()["detail"])');
  lines.push("answer = response.json()");
  lines.push(streams ? 'print(answer["flagged"], answer["segments"])' : 'print(answer["results"][0])');
  return `${lines.filter((line) => line !== false).join("\n")}\n`;
}

/** As the answer that came. */
export function json(answer) {
  return JSON.stringify(answer, null, 2);
}

function shell(word) {
  return `'${String(word).replaceAll("'", "'\\''")}'`;
}

/** curl takes , and ; in a name for its own unless it is quoted. */
function formName(name) {
  return /[,;"\\]/.test(name) ? `"${name.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"` : name;
}

/** JSON's strings are Python's, too. */
function literal(value) {
  return JSON.stringify(String(value));
}
