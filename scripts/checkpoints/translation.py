"""Checkpoints of translation."""

from typing import Any

from checkpoints import encoders, vocabulary
from checkpoints.recipe import Files, Recipe, recipe

LANGUAGES = {"de": "German", "fr": "French", "ro": "Romanian"}
NLLB = ["eng_Latn", "fra_Latn", "deu_Latn", "zho_Hans", "spa_Latn"]
M2M100 = [
    "af", "am", "ar", "ast", "az", "ba", "be", "bg", "bn", "br", "bs", "ca",
    "ceb", "cs", "cy", "da", "de", "el", "en", "es", "et", "fa", "ff", "fi",
    "fr", "fy", "ga", "gd", "gl", "gu", "ha", "he", "hi", "hr", "ht", "hu",
    "hy", "id", "ig", "ilo", "is", "it", "ja", "jv", "ka", "kk", "km", "kn",
    "ko", "lb", "lg", "ln", "lo", "lt", "lv", "mg", "mk", "ml", "mn", "mr",
    "ms", "my", "ne", "nl", "no", "ns", "oc", "or", "pa", "pl", "ps", "pt",
    "ro", "ru", "sd", "si", "sk", "sl", "so", "sq", "sr", "ss", "su", "sv",
    "sw", "ta", "th", "tl", "tn", "tr", "uk", "ur", "uz", "vi", "wo", "xh",
    "yi", "yo", "zh", "zu",
]  # fmt: skip
MBART50 = [
    "ar_AR", "cs_CZ", "de_DE", "en_XX", "es_XX", "et_EE", "fi_FI", "fr_XX", "gu_IN", "hi_IN", "it_IT", "ja_XX",
    "kk_KZ", "ko_KR", "lt_LT", "lv_LV", "my_MM", "ne_NP", "nl_XX", "ro_RO", "ru_RU", "si_LK", "tr_TR", "vi_VN",
    "zh_CN", "af_ZA", "az_AZ", "bn_IN", "fa_IR", "he_IL", "hr_HR", "id_ID", "ka_GE", "km_KH", "mk_MK", "ml_IN",
    "mn_MN", "mr_IN", "pl_PL", "ps_AF", "pt_XX", "sv_SE", "sw_KE", "ta_IN", "te_IN", "th_TH", "tl_XX", "uk_UA",
    "ur_PK", "xh_ZA", "gl_ES", "sl_SI",
]  # fmt: skip


def multilingual(architecture: str, config: dict[str, Any], files: Files) -> Recipe:
    """One of many languages: the first token of an answer is its language."""
    return Recipe(architecture, config, files, encoders.TEXT_TO_TEXT, encoders.end_often(2))


@recipe
def t5() -> Recipe:
    """The pair of languages is chosen by a prefix; each pair has settings of its own."""
    pairs = {
        f"translation_en_to_{code}": {
            "early_stopping": True,
            "max_length": 20 + len(name),
            "num_beams": 4 if code == "de" else 1,
            "prefix": f"translate English to {name}: ",
        }
        for code, name in LANGUAGES.items()
    }
    config = encoders.t5(task_specific_params=pairs)
    return Recipe("T5ForConditionalGeneration", config, vocabulary.t5(), encoders.T5_TO_TEXT, encoders.end_often(1))


@recipe
def marian() -> Recipe:
    """One SentencePiece model for each side; several target languages, which a text begins with: ">>fra<<"."""
    files = vocabulary.marian(model_max_length=128)
    tokens = files["vocab.json"]
    padding = tokens["<pad>"]
    config = encoders.bart(
        **{
            "model_type": "marian",
            "vocab_size": len(tokens),
            "pad_token_id": padding,
            "bos_token_id": 0,
            "eos_token_id": 0,
            "forced_eos_token_id": 0,
            "decoder_start_token_id": padding,
            "static_position_embeddings": True,
            "bad_words_ids": [[padding]],
            "num_beams": 3,
            "max_length": 40,
        }
    )
    gains = {**encoders.TEXT_TO_TEXT, "shared|embed_tokens": 1.0, "fc|DenseReluDense": 4.0}
    return Recipe("MarianMTModel", config, files, gains, encoders.end_often(0))


@recipe
def m2m100() -> Recipe:
    """Languages by code, whose tokens follow the vocabulary; waves of any length as positions."""
    files = vocabulary.m2m100(M2M100)
    config = encoders.bart(**{"model_type": "m2m_100", **encoders.BART_TOKENS}, max_length=40, num_beams=2)
    config["forced_eos_token_id"] = None
    config["vocab_size"] = len(files["vocab.json"]) + len(M2M100) + 8
    return multilingual("M2M100ForConditionalGeneration", config, files)


@recipe
def mbart50() -> Recipe:
    """Languages by code and country."""
    files = vocabulary.multilingual("MBart50Tokenizer", MBART50, src_lang="en_XX")
    config = encoders.bart(**{"model_type": "mbart", **encoders.BART_TOKENS}, max_length=30)
    return multilingual("MBartForConditionalGeneration", config, files)


@recipe
def nllb() -> Recipe:
    """Languages by code and script."""
    files = vocabulary.multilingual("NllbTokenizer", NLLB, src_lang="eng_Latn")
    config = encoders.bart(**{"model_type": "m2m_100", **encoders.BART_TOKENS}, max_length=30)
    return multilingual("M2M100ForConditionalGeneration", config, files)
