select waiting, coalesce(seconds, 0) as seconds, dead from registry.letter_figures()
