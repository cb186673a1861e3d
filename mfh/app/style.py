"""The look of the page: Gradio's theme, with system fonts, and a style sheet for our own parts."""

from __future__ import annotations

from typing import Any

CSS = """
.gradio-container{max-width:78rem!important;margin:0 auto!important}
.gradio-container .html-container{padding:0}
.block:has(>.html-container>.prose:empty){display:none}
.gradio-container .prose h1{font-size:1.7rem;margin:.2rem 0 0}
.gradio-container .prose h2{font-size:1.15rem;margin:.8rem 0 0}
.mfh-lead{margin:.2rem 0 .4rem;color:var(--body-text-color)}
.mfh-notice,.mfh-error{margin:.4rem 0;padding:.6rem .8rem;border-radius:.4rem;line-height:1.45;
overflow-wrap:anywhere}
.mfh-notice{background:#fff1c2;color:#3d2f00;border-left:.3rem solid #b98900}
.mfh-error{background:#fde2e0;color:#5c0d08;border-left:.3rem solid #c4281c}
.dark .mfh-notice{background:#41350f;color:#ffecb0}
.dark .mfh-error{background:#4a1512;color:#ffd9d5}
.mfh-said{margin:.3rem 0;color:var(--body-text-color)}
.mfh-facts{display:grid;grid-template-columns:max-content minmax(0,1fr);gap:.25rem .9rem;
margin:.4rem 0;overflow-wrap:anywhere}
.mfh-facts dt{color:var(--body-text-color-subdued)}.mfh-facts dd{margin:0}
.mfh-progress{list-style:none;margin:.4rem 0;padding:0;display:grid;gap:.35rem}
.mfh-progress li{display:grid;grid-template-columns:minmax(9rem,14rem) minmax(6rem,1fr);
gap:.1rem .8rem;align-items:center;margin:0}
.mfh-progress small{grid-column:2;color:var(--body-text-color-subdued)}
.mfh-progress small:empty{display:none}
.mfh-progress progress{appearance:none;width:100%;height:.55rem;border:0;border-radius:2px;
overflow:hidden;background:var(--border-color-primary)}
.mfh-progress progress::-webkit-progress-bar{background:var(--border-color-primary)}
.mfh-progress progress::-webkit-progress-value{background:var(--color-accent)}
.mfh-progress progress::-moz-progress-bar{background:var(--color-accent)}
.mfh-measure{font-variant-numeric:tabular-nums;margin:.4rem 0;line-height:1.6}
.mfh-measure strong{font-size:1.35rem}
.mfh-scale{position:relative;height:2.1rem;margin:.2rem .2rem 0;font-size:.8rem}
.mfh-scale::before{content:"";position:absolute;inset:0 0 auto;height:.6rem;border-radius:2px;
background:var(--colours)}
.mfh-scale span{position:absolute;top:.75rem;transform:translateX(-50%);white-space:nowrap}
.mfh-scale span:first-of-type{transform:none}
.mfh-scale span:last-of-type{transform:translateX(-100%)}
.mfh-click img{cursor:crosshair}
#mfh-gallery .grid-wrap{max-height:36rem}
#mfh-gallery .grid-container{grid-template-columns:repeat(auto-fill,minmax(8rem,1fr))}
#mfh-gallery .thumbnail-item{aspect-ratio:auto}
.dark #mfh-files a{color:#bfd8ff}
#mfh-files .label-clear-button{display:none}
@media(max-width:640px){.mfh-progress li{grid-template-columns:1fr}
.mfh-progress small{grid-column:1}
.mfh-facts{grid-template-columns:1fr;gap:0}.mfh-facts dd{margin-bottom:.4rem}}
"""


def theme() -> Any:
    """Gradio's plainest theme with fonts of the system, and colours that can be read."""
    import gradio as gr  # noqa: PLC0415 - an optional package

    return gr.themes.Default(
        primary_hue=gr.themes.colors.blue,
        neutral_hue=gr.themes.colors.slate,
        font=["system-ui", "sans-serif"],
        font_mono=["ui-monospace", "monospace"],
    ).set(
        button_primary_background_fill="*primary_700",
        button_primary_background_fill_hover="*primary_800",
        button_primary_background_fill_dark="*primary_700",
        button_primary_background_fill_hover_dark="*primary_800",
        button_primary_text_color="white",
        button_primary_text_color_dark="white",
        body_text_color_subdued="*neutral_600",
        body_text_color_subdued_dark="*neutral_300",
        block_label_text_color="*neutral_700",
        block_label_text_color_dark="*neutral_200",
        block_info_text_color="*neutral_600",
        block_info_text_color_dark="*neutral_300",
    )
