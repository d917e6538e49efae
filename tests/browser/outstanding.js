// How many of the page's questions have no answer yet, from the moment in which they are asked. A stream of answers that
// is still open does not say so: Gradio opens one for an answer that has come already where it hears of the question
// later, and leaves it open.
let asking = 0;
const asked = new Map(); // the number of the event's function, by the event's id
const answered = new Set();
window.unansweredEvents = () => [...asked].filter(([id]) => !answered.has(id)).map(([, number]) => number);
window.outstanding = () => asking + window.unansweredEvents().length;

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

async function join(answer, body) {
  asking += 1;
  try {
    const response = await answer;
    if (response.ok) asked.set((await response.clone().json()).event_id, JSON.parse(body).fn_index);
  } catch {
    /* it did not get there: who asked hears of it */
  }
  asking -= 1;
}

const ask = window.fetch;
window.fetch = (...request) => {
  const answer = ask(...request);
  const { pathname } = new URL(request[0].url ?? request[0], location.href);
  if (pathname.endsWith("/queue/join")) join(answer, request[1].body);
  if (pathname.endsWith("/queue/data")) answer.then((stream) => listen(stream.clone().body)).catch(() => {}); // closed
  return answer;
};
