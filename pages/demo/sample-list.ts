// Holds the sample list: a small shop of eight categories, whose products can be found without
// naming them.

import { readProducts } from './product-list.ts';

export const sampleList = `name, category, description
Drizzle Shell, Clothing, packable rain jacket with taped seams and a deep hood
Fjordline Pullover, Clothing, thick merino sweater for freezing mornings
Slate Chinos, Clothing, stretch cotton trousers for the office
Marlow Linen Shirt, Clothing, airy short-sleeved shirt for hot summer days
Ember Socks, Clothing, heated wool socks with a small battery
Kumo Down Parka, Clothing, knee-length winter coat filled with recycled down
Strider Tights, Clothing, running leggings with a phone pocket
Otto Beanie, Clothing, ribbed knitted hat
Brasa Moka Pot, Kitchen, makes strong espresso on the hob
Otaru Knife, Kitchen, Japanese chef's knife of layered steel
Pebble Kettle, Kitchen, quiet electric kettle that keeps water at tea temperature
Grindwell 40, Kitchen, burr grinder for fresh coffee beans
Casa Nera Skillet, Kitchen, cast-iron frying pan for searing steak
Loaf & Linen, Kitchen, proofing basket and cloth for sourdough bread
Tagine Rosso, Kitchen, clay pot for slow-cooked stews
Polar Bottle, Kitchen, insulated flask that keeps drinks cold for a day
Nocturne Buds, Electronics, wireless earphones with noise cancelling
Tidal 27, Electronics, sharp monitor for photo editing
Keystone TKL, Electronics, mechanical keyboard with silent switches
Volta Brick, Electronics, power bank that charges a laptop twice
Hearth Hub, Electronics, smart thermostat that learns when you are at home
Pixelstick Mini, Electronics, pocket projector for films on the wall
Owl Cam, Electronics, doorbell camera with night vision
Cadence Watch, Electronics, fitness watch with heart-rate tracking
Ridgeback Tent, Outdoors, two-person tent that stands up to storms
Cinder Stove, Outdoors, tiny gas burner for camping meals
Lynx 35, Outdoors, hiking backpack with a rain cover
Firefly Headlamp, Outdoors, rechargeable light for night trails
Down to Zero, Outdoors, sleeping bag for frost
Tarn Filter, Outdoors, makes stream water safe to drink
Kite & Key Hammock, Outdoors, hangs between two trees in a minute
Cairn Poles, Outdoors, folding trekking poles of carbon
Sprout Box, Garden, indoor herb planter with a grow light
Dewdrop Hose, Garden, leak-proof hose that rolls itself up
Bumble Hotel, Garden, nesting house for wild bees
Terra Trowel, Garden, hand shovel with an ash handle
Thorn Gloves, Garden, leather gloves for pruning roses
Moss & Loam, Garden, peat-free potting soil
Robin Feeder, Garden, hanging seed station for small birds
Mulch Mate, Garden, quiet electric shredder for branches
Lullaby Lamp, Kids, night light that dims as a child falls asleep
Timber Train, Kids, wooden railway with forty pieces
Robo Sprint, Kids, first robot to build and program
Puddle Boots, Kids, rubber boots for jumping into puddles
Comet Scooter, Kids, three-wheeled scooter for toddlers
Storyweaver Cards, Kids, picture cards for inventing fairy tales
Plush Otter, Kids, soft cuddly animal
Little Atlas, Kids, illustrated map book of the world's animals
Sunday Sofa, Home, deep two-seater in washable corduroy
Halo Reading Lamp, Home, warm floor light that does not tire the eyes
Woolen Hill, Home, heavy blanket for calm sleep
Fern & Fog, Home, candle that smells of a forest after rain
Quiet Hour, Home, alarm clock that wakes with light
Atelier Desk, Home, height-adjustable table for working on your feet
Dune Rug, Home, handwoven carpet in sand colours
Breeze Tower, Home, silent fan for stuffy bedrooms
Aloe Rescue, Care, cooling gel after too much sun
Cedar Beard Oil, Care, softens a dry beard
Salt & Birch Soap, Care, solid bar without perfume
Velvet Night Cream, Care, rich moisturiser for dry skin
Gentle Foam, Care, baby shampoo without tears
Daybreak SPF 50, Care, light sunscreen for the face
Bamboo Brush, Care, toothbrush without plastic
Calm Roll-On, Care, lavender oil for headaches
`;

export const sampleQueries: readonly string[] = [
  'keeps me dry in a storm',
  'better coffee at home',
  'help a child fall asleep',
  'my feet are always cold',
];

/** How many products the sample has. */
export const sampleSize = readProducts(sampleList).products.length;
