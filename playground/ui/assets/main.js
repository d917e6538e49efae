// Entry: the page's state and the scripts of its components, for the functions that Gradio calls in the browser.

import { mountLesson } from "../components/lesson/lesson.js";
import { mountMaskBrush } from "../components/mask_brush/mask_brush.js";
import { mountPicker } from "../components/picker/picker.js";
import { mountPictureRanking } from "../components/picture_ranking.js";
import { mountPlayer } from "../components/player/player.js";
import { showTooltips, toggleSheet } from "./overlays.js";
import { page } from "./page.js";

Object.assign(window, {
  playground: Object.assign(page, {
    mountLesson,
    mountMaskBrush,
    mountPicker,
    mountPictureRanking,
    mountPlayer,
    showControls: toggleSheet,
    showTooltips,
  }),
});
