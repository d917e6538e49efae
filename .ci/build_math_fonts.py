"""Build the fonts of formulas, playground/ui/assets/fonts, from STIX General 1.1.1 (SIL OFL 1.1).

pip install fonttools brotli && apt-get download fonts-stix && dpkg -x fonts-stix*.deb stix
python .ci/build_math_fonts.py stix/usr/share/fonts/opentype/stix playground/ui/assets/fonts
"""

import sys
from pathlib import Path

from fontTools.feaLib.builder import addOpenTypeFeaturesFromString
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.boundsPen import BoundsPen
from fontTools.pens.cu2quPen import Cu2QuPen
from fontTools.pens.transformPen import TransformPen
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.ttLib import TTFont

CHARACTERS = "abcdefghijklmnopqrstuvwxyzDEIKLNRTVX0123456789 ()[]{}=+-−·×,.;:/|‖√∇∂∅∞≈≤≥∈∏Σ∑Φαβγδεηθλμπσφ²³½¼′→←…–"
MARKS = {"\u0302": "hat", "\u0303": "tilde", "\u0304": "bar"}
MARKED = "xvsαβεμθ"


class Source:
    """Characters of several fonts: each is taken from the first that has it, signs from the second on."""

    def __init__(self, paths):
        self.fonts = [TTFont(path) for path in paths]

    def of(self, character):
        first = 0 if character.isalpha() else 1
        for font in self.fonts[first:]:
            if ord(character) in font.getBestCmap():
                return font.getGlyphSet()[font.getBestCmap()[ord(character)]], font.getGlyphSet()
        raise ValueError(f"No font has {character!r}.")

    def bounds(self, character):
        glyph, glyphs = self.of(character)
        pen = BoundsPen(glyphs)
        glyph.draw(pen)
        return pen.bounds

    def outline(self, *placed):
        """Characters at offsets, (character, x, y), as one TrueType glyph."""
        pen = TTGlyphPen(None)
        curves = Cu2QuPen(pen, 1.0, reverse_direction=True)
        for character, x, y in placed:
            self.of(character)[0].draw(TransformPen(curves, (1, 0, 0, 1, x, y)))
        return pen.glyph()


def build(paths, style, out):
    source, glyphs, widths, cmap, rules = Source(paths), {".notdef": TTGlyphPen(None).glyph()}, {".notdef": 500}, {}, []
    name = "u{:04X}".format
    for character in CHARACTERS:
        glyphs[name(ord(character))] = source.outline((character, 0, 0))
        widths[name(ord(character))] = round(source.of(character)[0].width)
        cmap[ord(character)] = name(ord(character))
    for mark, word in MARKS.items():
        left, _, right, _ = source.bounds(mark)
        middle = (left + right) / 2
        cmap[ord(mark)] = of_mark = name(ord(mark))
        glyphs[of_mark], widths[of_mark] = source.outline((mark, -middle - 200, 0)), 0
        for letter in MARKED:
            low, _, high, top = source.bounds(letter)
            above = ((low + high) / 2 - middle + 0.16 * (top - 200), max(0, top - 470))
            joined = f"{name(ord(letter))}_{word}"
            glyphs[joined], widths[joined] = source.outline((letter, 0, 0), (mark, *above)), widths[name(ord(letter))]
            rules.append(f"sub {name(ord(letter))} {of_mark} by {joined};")
    cmap[ord("ᾱ")] = f"{name(ord('α'))}_bar"
    font = FontBuilder(1000, isTTF=True)
    font.setupGlyphOrder(list(glyphs))
    font.setupCharacterMap(cmap)
    font.setupGlyf(glyphs)
    lefts = {each: getattr(font.font["glyf"][each], "xMin", 0) or 0 for each in glyphs}
    font.setupHorizontalMetrics({each: (widths[each], lefts[each]) for each in glyphs})
    font.setupHorizontalHeader(ascent=900, descent=-250)
    font.setupNameTable(
        {
            "familyName": "Playground Math",
            "styleName": style,
            "copyright": "Copyright (c) 2001-2010 STI Pub Companies. A selection of STIX General 1.1.1.",
            "licenseDescription": "SIL Open Font License, Version 1.1",
            "licenseInfoURL": "https://scripts.sil.org/OFL",
        }
    )
    font.setupOS2(sTypoAscender=900, sTypoDescender=-250, usWinAscent=1000, usWinDescent=300)
    font.setupPost()
    addOpenTypeFeaturesFromString(font.font, f"feature ccmp {{ {' '.join(rules)} }} ccmp;")
    font.font.flavor = "woff2"
    font.font.save(out)


if __name__ == "__main__":
    stix, fonts = map(Path, sys.argv[1:])
    for slanted, upright, style, out in (
        ("Italic", "Regular", "Italic", "math-italic.woff2"),
        ("BoldItalic", "Bold", "Bold Italic", "math-bold-italic.woff2"),
    ):
        build([stix / f"STIXGeneral-{each}.otf" for each in (slanted, upright, "Regular")], style, fonts / out)
