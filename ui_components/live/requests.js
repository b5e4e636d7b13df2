// Requests of the page to its server: a JSON object in, a JSON object out (qal/api/json_route.py).

const UNREACHABLE = "Cannot reach the server. Try again when it is running.";
const pageAddress = () => location.href.split(/[?#]/)[0]; // a proxy may show the page under a path
const serverAddress = (path) => new URL(path, pageAddress());

// Returns the server's answer. The error of an answer has its `status`; without an answer there is none.
async function postJson(path, content) {
  const body = JSON.stringify(content);
  const throwUnreachable = () => { throw new Error(UNREACHABLE); };
  const headers = { "content-type": "application/json" };
  const response = await fetch(serverAddress(path), { method: "POST", headers, body }).catch(throwUnreachable);
  const result = await response.json().catch(throwUnreachable);
  if (!response.ok) throw Object.assign(new Error(result.message), { status: response.status });
  return result;
}
