// How many of the page's questions have no answer yet. A stream of answers that is still open does not say so: Gradio
// opens one for an answer that has come already where it hears of the question later, and leaves it open.
const asked = new Set();
const answered = new Set();
window.outstanding = () => [...asked].filter((id) => !answered.has(id)).length;

async function listen(body) {
  let text = "";
  for await (const piece of body.pipeThrough(new TextDecoderStream())) {
    const lines = (text + piece).split("\n");
    text = lines.pop();
    for (const line of lines) {
      if (!line.startsWith("data: ")) continue;
      const { msg, event_id } = JSON.parse(line.slice(6));
      if (msg === "process_completed") answered.add(event_id);
    }
  }
}

const ask = window.fetch;
window.fetch = async (...request) => {
  const response = await ask(...request);
  const { pathname } = new URL(response.url || location.href);
  if (pathname.endsWith("/queue/join")) {
    response.clone().json().then(({ event_id }) => asked.add(event_id));
  } else if (pathname.endsWith("/queue/data")) {
    listen(response.clone().body).catch(() => {}); // it was closed
  }
  return response;
};
