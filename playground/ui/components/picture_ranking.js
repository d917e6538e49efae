// Ranking of pictures: a click on one becomes the component's value.

/**
 * Start a ranking in its component.
 * @param {import("../assets/gradio_dom.js").GradioComponent} component
 */
export function mountPictureRanking({ element, props, trigger }) {
  element.addEventListener("click", ({ target }) => {
    const button = target instanceof Element && target.closest("button[data-picture]");
    if (!(button instanceof HTMLElement)) return;
    props.value = { picture: Number(button.dataset.picture) };
    trigger("input");
  });
}
