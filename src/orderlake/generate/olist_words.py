"""The vocabulary of Olist's marketplace: category names and cities as the data set spells them; invented reviews."""

from __future__ import annotations

from typing import Final, NamedTuple


class City(NamedTuple):
    """A city: plain and accented spelling, state, first zip prefix, how many it spans, latitude, longitude."""

    plain: str
    accented: str
    state: str
    first: int
    span: int
    lat: float
    lng: float


# Portuguese, English: the data set's own 71 pairs, its misspellings ("costruction", "fashio", "confort") included.
_PAIRS: Final = (
    "beleza_saude:health_beauty informatica_acessorios:computers_accessories automotivo:auto "
    "cama_mesa_banho:bed_bath_table moveis_decoracao:furniture_decor esporte_lazer:sports_leisure "
    "perfumaria:perfumery utilidades_domesticas:housewares telefonia:telephony relogios_presentes:watches_gifts "
    "alimentos_bebidas:food_drink bebes:baby papelaria:stationery tablets_impressao_imagem:tablets_printing_image "
    "brinquedos:toys telefonia_fixa:fixed_telephony ferramentas_jardim:garden_tools "
    "fashion_bolsas_e_acessorios:fashion_bags_accessories eletroportateis:small_appliances "
    "consoles_games:consoles_games audio:audio fashion_calcados:fashion_shoes cool_stuff:cool_stuff "
    "malas_acessorios:luggage_accessories climatizacao:air_conditioning "
    "construcao_ferramentas_construcao:construction_tools_construction "
    "moveis_cozinha_area_de_servico_jantar_e_jardim:kitchen_dining_laundry_garden_furniture "
    "construcao_ferramentas_jardim:costruction_tools_garden fashion_roupa_masculina:fashion_male_clothing "
    "pet_shop:pet_shop moveis_escritorio:office_furniture market_place:market_place eletronicos:electronics "
    "eletrodomesticos:home_appliances artigos_de_festas:party_supplies casa_conforto:home_confort "
    "construcao_ferramentas_ferramentas:costruction_tools_tools "
    "agro_industria_e_comercio:agro_industry_and_commerce "
    "moveis_colchao_e_estofado:furniture_mattress_and_upholstery livros_tecnicos:books_technical "
    "casa_construcao:home_construction instrumentos_musicais:musical_instruments "
    "moveis_sala:furniture_living_room construcao_ferramentas_iluminacao:construction_tools_lights "
    "industria_comercio_e_negocios:industry_commerce_and_business alimentos:food artes:art "
    "moveis_quarto:furniture_bedroom livros_interesse_geral:books_general_interest "
    "construcao_ferramentas_seguranca:construction_tools_safety "
    "fashion_underwear_e_moda_praia:fashion_underwear_beach fashion_esporte:fashion_sport "
    "sinalizacao_e_seguranca:signaling_and_security pcs:computers artigos_de_natal:christmas_supplies "
    "fashion_roupa_feminina:fashio_female_clothing eletrodomesticos_2:home_appliances_2 "
    "livros_importados:books_imported bebidas:drinks cine_foto:cine_photo la_cuisine:la_cuisine musica:music "
    "casa_conforto_2:home_comfort_2 portateis_casa_forno_e_cafe:small_appliances_home_oven_and_coffee "
    "cds_dvds_musicais:cds_dvds_musicals dvds_blu_ray:dvds_blu_ray flores:flowers "
    "artes_e_artesanato:arts_and_craftmanship fraldas_higiene:diapers_and_hygiene "
    "fashion_roupa_infanto_juvenil:fashion_childrens_clothes seguros_e_servicos:security_and_services"
)
CATEGORIES: Final = tuple((pair.partition(":")[0], pair.partition(":")[2]) for pair in _PAIRS.split())

_SP: Final = City("sao paulo", "são paulo", "SP", 1001, 4990, -23.5505, -46.6333)
_RJ: Final = City("rio de janeiro", "rio de janeiro", "RJ", 20010, 3780, -22.9068, -43.1729)
_BH: Final = City("belo horizonte", "belo horizonte", "MG", 30110, 1880, -19.9167, -43.9345)

CITIES: Final = (
    *(_SP,) * 9, *(_RJ,) * 4, *(_BH,) * 2,
    City("campinas", "campinas", "SP", 13010, 400, -22.9056, -47.0608),
    City("guarulhos", "guarulhos", "SP", 7010, 390, -23.4538, -46.5333),
    City("santos", "santos", "SP", 11010, 390, -23.9608, -46.3336),
    City("sao bernardo do campo", "são bernardo do campo", "SP", 9600, 390, -23.6914, -46.5646),
    City("ribeirao preto", "ribeirão preto", "SP", 14010, 390, -21.1775, -47.8103),
    City("franca", "franca", "SP", 14400, 390, -20.5386, -47.4008),
    City("niteroi", "niterói", "RJ", 24020, 390, -22.8833, -43.1036),
    City("uberlandia", "uberlândia", "MG", 38400, 390, -18.9186, -48.2772),
    City("juiz de fora", "juiz de fora", "MG", 36010, 390, -21.7642, -43.3503),
    City("vitoria", "vitória", "ES", 29010, 390, -20.3155, -40.3128),
    City("salvador", "salvador", "BA", 40010, 1900, -12.9714, -38.5014),
    City("recife", "recife", "PE", 50010, 1900, -8.0476, -34.8770),
    City("fortaleza", "fortaleza", "CE", 60010, 900, -3.7172, -38.5434),
    City("belem", "belém", "PA", 66010, 900, -1.4558, -48.4902),
    City("manaus", "manaus", "AM", 69005, 390, -3.1190, -60.0217),
    City("brasilia", "brasília", "DF", 70040, 900, -15.7939, -47.8828),
    City("goiania", "goiânia", "GO", 74003, 900, -16.6869, -49.2648),
    City("cuiaba", "cuiabá", "MT", 78005, 390, -15.6014, -56.0979),
    City("curitiba", "curitiba", "PR", 80010, 1900, -25.4284, -49.2733),
    City("florianopolis", "florianópolis", "SC", 88010, 390, -27.5954, -48.5480),
    City("porto alegre", "porto alegre", "RS", 90010, 1900, -30.0346, -51.2177),
)  # fmt: skip

# Both by score from 1 to 5, as a shop's customers write: commas, quotes and line breaks of both kinds included.
TITLES: Final = (
    ("Não chegou", "Péssimo", "Não recomendo", "Cadê meu pedido?"),
    ("Ruim", "Produto com defeito"),
    ("Regular", "Atrasou"),
    ("Bom", "Recomendo"),
    ("Super recomendo", "Ótimo", "Muito bom!", "10", "Excelente, voltarei"),
)
MESSAGES: Final = (
    (
        "Não recebi o produto até hoje, e ninguém responde.",
        "Péssimo atendimento.\r\nPaguei pelo frete rápido,\r\ne nada chegou.",
        'Veio outro modelo, disseram que era "equivalente".',
    ),
    ("Chegou quebrado, mas trocaram.", "Demorou demais.\n\nA caixa veio amassada."),
    ("Produto ok, entrega atrasou 5 dias.", "Esperava mais; o tecido é fino."),
    (
        "Bom produto, chegou antes do prazo.",
        "Gostei,\r\nmas a cor é um pouco diferente da foto.",
        "Tudo certo.",
    ),
    (
        "Adorei! Já é a segunda vez que compro.",
        'Minha mãe disse "perfeito", e eu concordo.',
        "Entrega rápida.\r\n\r\nProduto bem embalado, nota 10.",
        "Muito bom",
        "Recebi bem antes do prazo estipulado. Parabéns à loja!",
    ),
)
